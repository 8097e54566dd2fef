"""Tests of `demo.relay`."""
