"""Checks of a snapshot: rules, findings, and reports for CI."""
