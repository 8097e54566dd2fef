"""Tests of `demo.web.access`."""
