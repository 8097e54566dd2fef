"""Tests of `demo.terminal`."""
