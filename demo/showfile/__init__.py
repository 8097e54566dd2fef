"""A show as one Markdown file: text, system, probes, faults with their undo, and predictions (docs/decks.md)."""
