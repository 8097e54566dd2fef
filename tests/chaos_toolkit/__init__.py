"""Experiments of the Chaos Toolkit, in and out."""
