"""Differences between two states of one object. No module here does I/O."""
