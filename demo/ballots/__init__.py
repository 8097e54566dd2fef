"""The votes of the audience: what may be voted on, how votes are counted, and the box that keeps them.

docs/decisions/0045 has the reasons.
"""
