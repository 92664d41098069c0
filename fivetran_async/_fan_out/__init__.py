"""One call per source, many at once: `fan_out()`."""
