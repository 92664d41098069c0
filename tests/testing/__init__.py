"""Tests of the fake, with a client that shares no code with the library."""
