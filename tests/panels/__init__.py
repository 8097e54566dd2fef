"""Tests of panels: output of programs as pictures."""
