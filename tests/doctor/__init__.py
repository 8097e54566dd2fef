"""Tests of `demo.doctor`."""
