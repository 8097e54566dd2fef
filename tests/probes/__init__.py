"""Tests of `demo.probes`."""
