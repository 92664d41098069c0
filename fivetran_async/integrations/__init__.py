"""The client inside other frameworks: thin, and imported by nobody but you."""
