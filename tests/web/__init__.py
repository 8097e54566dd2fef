"""Tests of `demo.web`."""
