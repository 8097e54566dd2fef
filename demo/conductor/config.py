"""The configuration of one show: servers, terminals and tests all build a conductor from it."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.errors import InvalidValue
from demo.journal import Healer, Journal
from demo.narration import DeckImage
from demo.panels.picture import NoPanels, Panels
from demo.show import ShowState
from demo.types import HEAL_SEC, STOP_SEC, Chapter, FaultDriver, Plan, Poller, Stage
from demo.watchdog.protocol import Watchdog

Deck = Sequence[Chapter] | Callable[[Stage], Sequence[Chapter]]
JournalSource = Journal | Callable[[ShowState], Journal]
"""A journal, or a function that opens one for a show, given the show's state before its first event."""

AsyncStep = Callable[[], Awaitable[None]]

HealOthers = Callable[[Path, Callable[[str, bool], None]], Coroutine[Any, Any, None]]
"""Heals what shows in other journals than the given one left, and tells of it: a text, and whether it is good news."""


@dataclass(frozen=True)
class ShowConfig:
    """One show: its deck, its system, and where its journal is.

    `chapters` may be a function of the `Stage` that their `on_enter`s use. `start_system` runs beside the show when it
    begins, `heal_system` when somebody heals everything (for `heal_sec` seconds at most), and `stop_system` when the
    show has ended and its faults are healed (for `stop_sec` seconds at most).
    `driver_for` returns a driver that heals the plan of a fault, given by name, that an earlier process has injected;
    None if the fault of that name in `faults` heals it.
    `healer` returns what another process needs to heal the faults that are injected now; `heal_others` heals what other
    shows have left.
    `unmet` returns why a chapter (by its number, 1-based) may not be entered now, "" if it may.
    `images` returns those of the deck, which may be another one after an edit. `panels` has the pictures of the panels
    that chapters name.
    `start_at` is the chapter (1-based) to begin with, or to continue at.
    `journal` may be a function that opens one. Without it the show gets a temporary journal, which ends with this
    process, so the show is not durable. `watchdog` heals the faults that this process leaves behind when it dies. With
    neither, nobody does after a `kill -9`.
    """

    subject_name: str
    chapters: Deck
    health_poller: Poller | None = None
    title: str | None = None
    description: str = ""
    faults: Sequence[FaultDriver] = ()
    start_system: AsyncStep | None = None
    heal_system: AsyncStep | None = None
    heal_sec: float = HEAL_SEC
    stop_system: AsyncStep | None = None
    stop_sec: float = STOP_SEC
    journal: JournalSource | None = None
    watchdog: Watchdog | None = None
    driver_for: Callable[[str, Plan], FaultDriver | None] = lambda name, plan: None
    healer: Callable[[], Healer | None] = lambda: None
    heal_others: HealOthers | None = None
    unmet: Callable[[int], str] = lambda number: ""
    images: Callable[[], Sequence[DeckImage]] = tuple
    panels: Panels = field(default_factory=NoPanels)
    start_at: int | None = None


def check_start(start_at: int | None, deck: Sequence[Chapter]) -> int | None:
    """Return the chapter to start at. Raises `InvalidValue` if the deck does not have it."""
    if start_at is not None and not 1 <= start_at <= len(deck):
        raise InvalidValue(f"there is no chapter {start_at} to start at: this deck has 1 to {len(deck)}")
    return start_at
