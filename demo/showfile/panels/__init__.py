"""The panels of a show file: where their output comes from, and their pictures while the show runs."""
