"""Questions from the room: the box that takes them, and the file that keeps them until the presenter is done with them.

docs/decisions/0047 has the reasons.
"""
