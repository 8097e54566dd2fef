"""Names that docs/extending.md gave before to what is in `demo.faults`: kept for subjects that import them."""
