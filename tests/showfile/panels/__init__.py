"""Tests of the panels of a show file, with real processes and containers."""
