"""Tests of `demo.markup`."""
