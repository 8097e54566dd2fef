"""Tests of `demo.container_engine`."""
