"""How many requests the account may still send."""
