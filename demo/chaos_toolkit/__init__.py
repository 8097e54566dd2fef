"""Experiments of the Chaos Toolkit: made into show files, made from show files, and their activities run."""
