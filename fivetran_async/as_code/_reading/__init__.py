"""Reading an account into a snapshot."""
