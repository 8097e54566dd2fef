"""Daemon threads for work that blocks."""
