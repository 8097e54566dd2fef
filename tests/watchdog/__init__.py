"""Tests of `demo.watchdog`."""
