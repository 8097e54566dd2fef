"""Nothing answered is lost and nothing happens twice, through `kill -9`. Longer: `scripts/crashes 200`."""

import random
from pathlib import Path

import pytest

from demo.show import ShowState, apply
from demo.show import events as e
from tests.support.crash_programs import ANSWERS_BEFORE_WRITE_SERVER, RUNS_COMMANDS_TWICE_SERVER
from tests.support.crash_rules import SentCommand, check_journal
from tests.support.crashes import CrashTestConfig, run_crash_test

KILLS = 5
"""For each deck; `scripts/crashes` takes more."""


@pytest.fixture
def seed() -> int:
    found = random.SystemRandom().getrandbits(32)
    print(f"seed {found}")
    return found


@pytest.mark.parametrize("deck", [False, True], ids=["none", "ten-chapters"])
def test_what_was_answered_outlives_every_kill_and_nothing_happens_twice(tmp_path: Path, seed: int, deck: bool) -> None:
    count = run_crash_test(KILLS, seed, tmp_path, deck)
    assert count.lives == KILLS
    assert count.answered > KILLS


def test_the_crash_test_finds_a_server_that_answers_before_the_journal_is_written(tmp_path: Path, seed: int) -> None:
    with pytest.raises(AssertionError, match="not in the journal"):
        run_crash_test(40, seed, tmp_path, deck=False, programs=(ANSWERS_BEFORE_WRITE_SERVER,))


def test_the_crash_test_finds_a_server_that_does_everything_twice(tmp_path: Path, seed: int) -> None:
    with pytest.raises(AssertionError, match="asked for by nobody"):
        run_crash_test(5, seed, tmp_path, deck=False, programs=(RUNS_COMMANDS_TWICE_SERVER,))


# The rules themselves.


def test_the_rules_of_a_crashed_journal(tmp_path: Path) -> None:
    state = CrashTestConfig(tmp_path, random.Random(1)).opening()
    state = folded(state, e.ShowOpened("none", ()), e.ChapterEntered(1, True, 1))
    moved = e.JournalEntry(3, 1.0, "http", e.ChapterEntered(2, True, 2))
    advance = SentCommand("advance", low=2, status=200, high=3)
    check_journal([advance], [moved], state)
    check_journal([SentCommand("advance", low=2)], [moved], state)
    check_journal([SentCommand("advance", low=2)], [], state)
    check_journal([SentCommand("advance", low=2, status=409)], [], state)
    check_journal([SentCommand("resume", low=2, status=200, high=2)], [], state)
    # A jump past chapter 2, back onto it, and its action for the first time.
    jumped = folded(state, e.ChapterEntered(3, True, 2), e.ChapterEntered(2, False, 3))
    check_journal(
        [SentCommand("rerun", low=4, status=200, high=5)],
        [e.JournalEntry(5, 1.0, "http", e.ActionStarted(2, 1, 3))],
        jumped,
    )
    # Both answers told of health samples, which a crash may lose.
    check_journal([SentCommand("rerun", low=4, status=200, high=5)], [], state)
    for commands, entries, says in (
        ([advance], [], "not in the journal"),
        ([advance, advance], [moved], "not in the journal"),
        ([], [moved], "asked for by nobody"),
        ([SentCommand("advance", low=2, status=409)], [moved], "asked for by nobody"),
        ([SentCommand("advance", pressed_on=2, low=2)], [moved], "asked for by nobody"),
        ([SentCommand("goto", goal=3, low=2, status=200, high=3)], [moved], "not in the journal"),
    ):
        with pytest.raises(AssertionError, match=says):
            check_journal(commands, entries, state)


def folded(state: ShowState, *events: e.Event) -> ShowState:
    for event in events:
        state = apply(state, e.JournalEntry(state.seq + 1, 1.0, "test", event))
    return state
