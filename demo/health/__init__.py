"""Names that docs/extending.md gave before to what is in `demo.probes`: kept for subjects that import them."""
