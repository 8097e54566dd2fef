"""Probes: one file each. A probe answers within its deadline, with a `Reading`, and never raises."""
