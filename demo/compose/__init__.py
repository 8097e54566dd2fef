"""Compose projects: the command that brings them up, who owns one, and one that a show file describes."""
