"""Tests of the command line, and their consoles."""
