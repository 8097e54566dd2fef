"""Who may do what: sessions, pairing, the token, allowed names and addresses, and the middleware that judges."""
