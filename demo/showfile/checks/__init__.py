"""The rules of a show file that its schema cannot say: names that must exist, and keys that need or exclude others."""
