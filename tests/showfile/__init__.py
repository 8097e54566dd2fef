"""Tests of show files: reading them, their schema, and what a show makes of them."""
