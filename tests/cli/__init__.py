"""Tests of `demo.cli`."""
