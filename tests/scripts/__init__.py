"""Tests of scripts, benchmarks, documents and packages."""
