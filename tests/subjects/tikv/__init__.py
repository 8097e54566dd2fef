"""Tests of `demo.subjects.tikv`."""
