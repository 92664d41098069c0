"""Tests of the command line, and the consoles that they run it on."""
