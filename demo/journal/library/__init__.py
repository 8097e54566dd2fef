"""Journals on disk: which one to continue, what one holds, and which may be removed."""
