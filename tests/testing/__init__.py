"""Tests of the fake, by a client that knows nothing of ours."""
