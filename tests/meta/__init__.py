"""The project's own inventory of the API, and the tests that hold the client against it."""
