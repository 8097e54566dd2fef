"""Tests of the events of a show file, with real processes and containers."""
