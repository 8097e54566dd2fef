"""The HTTP server: listening sockets, TLS, limits on connections, and which one is evicted when it is full."""
