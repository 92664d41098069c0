"""The client with other frameworks; import the module of the one that you use."""
