"""The book of a load: its writes are numbered, those that were confirmed are remembered, and all are read again."""
