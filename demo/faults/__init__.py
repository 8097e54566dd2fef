"""Fault drivers, one file per fault, all behind the `FaultDriver` protocol."""
