"""Processes of our own that a subject is made of: how each lives, is watched, is started again, and counts requests."""
