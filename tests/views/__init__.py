"""Tests of `demo.views`."""
