"""The process that heals after a crash, the server's side of it, and the undo that both share."""
