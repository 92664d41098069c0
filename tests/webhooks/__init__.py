"""Webhooks, received: what is genuine, what it says, what is done with it."""
