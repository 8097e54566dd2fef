"""Who leads, and since when, as its members tell; a pure reading, and the memory of when it changed."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Vote:
    """What one member that answers says: whom it follows ("" nobody), in which term."""

    member: str
    leader: str
    term: int


@dataclass(frozen=True)
class Leader:
    """`name` None: nobody leads. `since`: when that was first seen (a moment). `previous`: who led before."""

    name: str | None = None
    term: int = 0
    since: float = 0.0
    previous: str | None = None


def elected(votes: Iterable[Vote]) -> tuple[str | None, int]:
    """The leader that the newest term has, among those who say so of it; an older term's leader is history."""
    known = list(votes)
    term = max((vote.term for vote in known), default=0)
    named = {vote.leader for vote in known if vote.term == term and vote.leader}
    return (named.pop() if len(named) == 1 else None), term


class Leadership:
    """Remembers who led."""

    def __init__(self) -> None:
        self.now = Leader()

    def see(self, votes: Iterable[Vote], dead: Iterable[str], at: float) -> Leader:
        """`dead`: members known not to run; those who still follow one of them follow nobody."""
        known, gone = list(votes), set(dead)
        if not known and self.now.name not in gone:
            return self.now  # nobody tells: that is no news of the leader
        name, term = elected(known)
        if name in gone:
            name = None
        before = self.now
        if name != before.name or (name is not None and term != before.term):
            self.now = Leader(name, term, at, before.name or before.previous)
        return self.now
