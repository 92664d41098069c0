"""Tests of the queries on real databases, over a log that holds every hard case."""
