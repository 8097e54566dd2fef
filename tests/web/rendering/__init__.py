"""Tests of `demo.web.rendering`."""
