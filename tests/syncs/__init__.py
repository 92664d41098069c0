"""Tests of awaited syncs, and the clock that they share with the fake account."""
