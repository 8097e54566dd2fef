"""Output of programs as pictures that a page or terminal can show: bounded, safe, and with its colours."""
