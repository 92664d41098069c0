"""Receiving webhooks: signatures, events, handling at least once."""
