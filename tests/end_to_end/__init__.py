"""Tests of whole shows, from the command line to what is left at the end."""
