"""One function over many sources at once."""
