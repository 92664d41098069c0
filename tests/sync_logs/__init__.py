"""Tests of the queries on real databases, with a log that contains every hard case."""
