"""The client inside web frameworks, on real sockets."""
