"""What a show is made of: the one description from which servers, terminals and tests make a conductor."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from demo.journal import Journal
from demo.show import ShowState
from demo.types import HEAL_SEC, STOP_SEC, Chapter, FaultDriver, Poller, Stage, Watchdog

Deck = Sequence[Chapter] | Callable[[Stage], Sequence[Chapter]]
Keeping = Journal | Callable[[ShowState], Journal]
"""A journal, or who finds the one for a show, given as it is before its first event."""

Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class ShowConfig:
    """One show: its deck, its system, and where it is kept.

    `chapters` may be a function of the `Stage` that their `on_enter`s use. `start_system` is run
    beside the show when it begins, `heal_system` when someone heals everything, for `heal_sec` seconds at most,
    and `stop_system` when the show has ended and its faults are healed, for `stop_sec` seconds at most.
    `start_at` is the chapter (1-based) to begin with, or to go on at.
    `journal` may be a function that opens one; without it the show is kept in a temporary one, which ends with this
    process: it is not called durable. `watchdog` heals what this process leaves broken. With neither, nobody does
    after a `kill -9`.
    """

    subject_name: str
    chapters: Deck
    health_poller: Poller | None = None
    title: str | None = None
    description: str = ""
    faults: Sequence[FaultDriver] = ()
    start_system: Work | None = None
    heal_system: Work | None = None
    heal_sec: float = HEAL_SEC
    stop_system: Work | None = None
    stop_sec: float = STOP_SEC
    journal: Keeping | None = None
    watchdog: Watchdog | None = None
    start_at: int | None = None
