"""Who leads and since when, derived from what the members report. No I/O."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class LeaderReport:
    """What one answering member reports: which leader it follows ("" if none), in which term."""

    member: str
    leader: str
    term: int


@dataclass(frozen=True)
class Leader:
    """`name` None: nobody leads. `since`: the moment when that was first seen. `previous`: who led before."""

    name: str | None = None
    term: int = 0
    since: float = 0.0
    previous: str | None = None


def elected(votes: Iterable[LeaderReport]) -> tuple[str | None, int]:
    """Return the leader of the newest term and that term; None unless those who report that term agree on one.

    Reports of an older term are outdated: whoever led in it may have been deposed.
    """
    known = list(votes)
    term = max((vote.term for vote in known), default=0)
    named = {vote.leader for vote in known if vote.term == term and vote.leader}
    return (named.pop() if len(named) == 1 else None), term


class Leadership:
    """Remembers who led, and since when."""

    def __init__(self) -> None:
        self.now = Leader()

    def update(self, votes: Iterable[LeaderReport], dead: Iterable[str], at: float) -> Leader:
        """Update the leader from the members' reports, and return it.

        `dead`: members known not to run; a report that names one of them as leader counts as no leader. `at`: the
        moment of the reports.
        """
        known, gone = list(votes), set(dead)
        if not known and self.now.name not in gone:
            return self.now  # without any report nothing is known to have changed
        name, term = elected(known)
        if name in gone:
            name = None
        before = self.now
        if name != before.name or (name is not None and term != before.term):
            self.now = Leader(name, term, at, before.name or before.previous)
        return self.now
