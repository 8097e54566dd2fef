"""The verdict on a prediction: when it is looked at, and what proves nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from demo.clock import CLOCK
from demo.conditions import Condition, Facts
from demo.load.book.sender import BookState
from demo.show import ShowState
from demo.show import commands as c
from demo.show.commands import Command
from demo.show.state import ActionState, FaultState
from demo.showfile.board import ProbeBoard
from demo.showfile.predictions import PredictionWatch
from demo.types import ChaosConfig, ChaosType, Chapter
from tests.showfile.answering import answering, probe
from tests.showfile.checked_shows import load, show_text

pytestmark = pytest.mark.anyio

STATE = ShowState(
    title="",
    subject="",
    description="",
    chapters=(Chapter("One", "", hypothesis="It stays up"), Chapter("Two", "", hypothesis="Another")),
    faults=(FaultState(ChaosConfig("gone", ChaosType.COMMAND, "x")),),
    actions=(ActionState(), ActionState()),
)


class Followed:
    """A show whose states a test says."""

    def __init__(self) -> None:
        self.state = STATE
        self.verdicts: list[tuple[bool | None, str]] = []
        self._listeners: list[Callable[[ShowState], None]] = []

    def subscribe(self, listener: Callable[[ShowState], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def enqueue(self, issuer: str, command: Command) -> None:
        assert isinstance(command, c.Conclude)
        self.verdicts.append((command.held, command.text))

    def becomes(self, state: ShowState) -> None:
        self.state = state
        for listener in self._listeners:
            listener(state)


@dataclass
class Source:
    facts: Facts

    def ask_books(self, condition: Condition) -> bool:
        return False

    def books_of(self, condition: Condition) -> Sequence[BookState]:
        return ()

    async def wait_for_change(self) -> None:
        raise AssertionError("nobody waits here")

    def mask(self, text: str) -> str:
        return text


def injected_now(state: ShowState) -> ShowState:
    """Return the state with its fault injected now, if it was injected at all."""
    at = state.faults[0].injected_at
    return state if at is None else state.with_fault("gone", injected_at=CLOCK.now())


async def verdict_of(
    check: str, *states: ShowState, expect: str = "web is up", is_own: bool = True
) -> list[tuple[bool | None, str]]:
    """Return the verdicts on `expect`, which is true all the time, after these states of the show.

    `is_own`: the fault is injected by this server; else by an earlier one, and the states are read from its journal.
    """
    front = "probes:\n  web: {http: 'http://127.0.0.1:8080/'}\n"
    show, problems = load(show_text(front, f"hypothesis: It stays up\nexpect: {expect}\n{check}"))
    assert show is not None, problems
    async with answering(x=200) as (server, sources):
        board = ProbeBoard({"web": probe(http=server.url("/x"))}, sources)
        await board.ask_once()
        followed = Followed()
        predictions = PredictionWatch(show.chapters, Source(board))
        predictions.follow(followed)
        for state in states:
            followed.becomes(injected_now(state) if is_own else state)
        await board.close()
    return followed.verdicts


INJECTED = STATE.with_fault("gone", run=1, state="active", injected_at=1.0)
NEXT = replace(INJECTED, current=1)


@pytest.mark.parametrize("check", ["check: after\n", "check: edge\n", "check: EOT\n"])
async def test_what_is_checked_afterwards_is_looked_at_when_the_show_leaves_the_chapter(check: str) -> None:
    assert await verdict_of(check, INJECTED, NEXT) == [(True, "web is up.")]


async def test_what_an_earlier_server_has_injected_is_no_test_of_a_prediction() -> None:
    """The journal is read after the show is followed. What holds after the restart proves nothing of the fault."""
    healed = INJECTED.with_fault("gone", state="idle", healed_at=2.0, not_measurable=True)
    for check in ("check: after\n", "check: edge\n", ""):
        assert await verdict_of(check, INJECTED, healed, replace(healed, current=1), is_own=False) == []


async def test_what_holds_while_the_fault_could_not_be_injected_proves_nothing() -> None:
    failed = INJECTED.with_fault("gone", state="failed", injection_failed=True, injected_at=None)
    assert await verdict_of("check: after\n", INJECTED, failed, replace(failed, current=1)) == [
        (None, "The fault could not be injected.")
    ]


async def test_what_shall_come_back_within_a_time_is_looked_at_once_it_was_seen_gone() -> None:
    within, check = "web is up within 30s", "check: after\n"
    unseen = INJECTED.with_fault("gone", injected_at=CLOCK.now())
    assert await verdict_of(check, unseen, replace(unseen, current=1), expect=within) == [(None, "not measured.")]
    seen = unseen.with_fault("gone", detected_after_sec=0.2)
    assert await verdict_of(check, seen, replace(seen, current=1), expect=within) == [(True, "web is up.")]
