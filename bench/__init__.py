"""Measurements that anyone can run: what the README states comes from here."""
