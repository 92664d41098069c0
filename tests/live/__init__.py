"""Tests that read a real account and change nothing: `nox -s live`, never part of the suite."""
