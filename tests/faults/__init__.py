"""Tests of `demo.faults`."""
