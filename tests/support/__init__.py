"""Helpers of the tests: servers with faults, clocks, sessions, certificates, random documents."""
