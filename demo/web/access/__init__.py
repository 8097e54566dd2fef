"""Access control: sessions, pairing codes, the bearer token, allowed hosts and origins, and the middleware."""
