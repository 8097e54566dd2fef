"""Show, live, how distributed systems break and recover: one show, many screens."""

__version__ = "0.1.0"
