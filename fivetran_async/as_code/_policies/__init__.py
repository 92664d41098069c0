"""Policies for schemas, and differences between the schema configs of two connections."""
