"""Reads a real account, and changes nothing in it: `nox -s live`, never part of the suite."""
