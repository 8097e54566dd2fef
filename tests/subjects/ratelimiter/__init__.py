"""Tests of `demo.subjects.ratelimiter`."""
