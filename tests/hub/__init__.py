"""Tests of `demo.hub`."""
