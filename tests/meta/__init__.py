"""The inventory of the API, and the tests that compare the client with it."""
