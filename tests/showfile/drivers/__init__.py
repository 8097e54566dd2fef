"""Fault drivers of a show file, on real commands, services, databases and containers."""
