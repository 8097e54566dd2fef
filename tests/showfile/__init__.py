"""Show files: reading, checking, and what is made of them."""
