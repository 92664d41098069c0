"""Tests of the account's quotas: counting, waiting, sharing."""
