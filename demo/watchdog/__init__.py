"""The watchdog: the process that heals after a crash, the server's client of it, and the undo that both share."""
