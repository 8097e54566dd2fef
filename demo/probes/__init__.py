"""Probes, one file each. A probe returns a `Reading` within its timeout, and never raises."""
