"""Tests of `demo.subjects.cluster`."""
