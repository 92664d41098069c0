"""What the vendor changed since July 2026: a table of the changes, each with its check."""
