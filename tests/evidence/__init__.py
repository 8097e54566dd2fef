"""Tests of demo.evidence."""
