"""Tests of the table of services, of its lookups, and of the program that generates it."""
