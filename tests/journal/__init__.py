"""Tests of `demo.journal`."""
