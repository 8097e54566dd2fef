"""Tests of `demo.conductor`."""
