"""One request and its response, in the order in which they travel."""
