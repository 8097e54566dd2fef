"""Votes on their way from relays to the show: packed for Redis, and read back with care."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

MAX_VOTES_IN_ENTRY = 500
"""So that an entry is some 50 KB at most, whatever a hall sends at once."""


@dataclass(frozen=True, slots=True)
class RelayedVote:
    """One vote. `voter`: what stands for the device in this vote, never the device's own id."""

    ballot: int
    voter: str
    answer: float


def pack_votes(votes: Iterable[RelayedVote]) -> str:
    return json.dumps([[vote.ballot, vote.voter, vote.answer] for vote in votes], separators=(",", ":"))


def unpack_votes(text: str) -> list[RelayedVote]:
    """Return the votes of an entry; what is not a vote is left out, for anybody who reaches that Redis may write it."""
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        return []
    found = []
    for item in items if isinstance(items, list) else ():
        match item:
            case [int(ballot), str(voter), int() | float() as answer] if len(voter) == 32:
                found.append(RelayedVote(ballot, voter, float(answer)))
    return found
