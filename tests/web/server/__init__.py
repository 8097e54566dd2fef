"""Tests of `demo.web.server`."""
