"""Tests of `demo.web.streaming`."""
