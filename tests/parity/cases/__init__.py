"""The equivalents of fivetrex's functions, one file per module of it."""
