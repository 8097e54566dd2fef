"""`demo relay`: an audience server that follows a show on Redis."""
