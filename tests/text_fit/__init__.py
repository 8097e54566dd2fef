"""Tests of `demo.text_fit`."""
