"""Tests of `demo.subjects`."""
