"""Tests of `demo.web.routes`."""
