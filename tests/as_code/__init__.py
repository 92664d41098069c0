"""Tests of the account as code."""
