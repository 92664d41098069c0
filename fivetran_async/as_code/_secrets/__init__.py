"""Which values are secret, and where their values come from."""
