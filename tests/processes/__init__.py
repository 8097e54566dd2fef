"""Tests of `demo.processes`."""
