"""Tests of `demo.show`."""
