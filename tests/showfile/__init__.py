"""Tests of `demo.showfile`."""
