"""Faults: one file each, behind `FaultDriver`, and the child processes that they break."""
