"""Questions from the room: the box that takes them, and its file."""
