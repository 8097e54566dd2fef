"""The votes of the audience: what may be voted on, how votes are counted, and the box that keeps them.

Record 44 (docs/decisions) has the reasons.
"""
