"""The HTTP server: sockets, TLS, limits of the protocol, and fairness among connections."""
