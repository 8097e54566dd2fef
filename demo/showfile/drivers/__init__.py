"""Fault drivers of a show file: each kind of fault is injected, undone and proved healed as the file says."""
