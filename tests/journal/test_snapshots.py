"""A start from a snapshot: the same show as the fold of all its events, without reading them all."""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.journal import Journal
from demo.journal.library.inspect import summarize
from demo.journal.sqlite_file import STORY
from demo.show import ShowState, apply, create_initial_state
from demo.show import commands as c
from demo.show import events as e
from demo.show.stored import decode_state, encode_state
from tests.support.show_player import Player, chapter, fault, player

pytestmark = pytest.mark.anyio

DECK = (chapter("one", action=True, claim="it holds"), chapter("two"), chapter("three", action=True))
FAULTS = (fault(), fault("pause"))


def show() -> ShowState:
    """As it is before its first event."""
    return create_initial_state("T", "s", "d", DECK, FAULTS)


PLAYS: dict[str, Callable[[Player], object]] = {
    "advance": lambda p: p.play(c.Advance()),
    "back": lambda p: p.play(c.Back()),
    "say": lambda p: p.play(c.Say("[b]hello\N{SNOWMAN}[/b]")),
    "end": lambda p: p.play(c.ActionEnd(1, 1)),
    "conclude": lambda p: p.play(c.Conclude(1, True, "it held")),
    "freeze": lambda p: p.play(c.Freeze()),
    "blackout": lambda p: p.play(c.Blackout()),
    "inject": lambda p: p.play(c.Inject("kill")),
    "planned": lambda p: p.play(c.FaultPlanned("kill", p.fault().run, "n")),
    "applied": lambda p: p.play(c.FaultApplied("kill", p.fault().run)),
    "heal": lambda p: p.play(c.Heal()),
    "healed": lambda p: p.play(c.HealEnd("kill", p.fault().run)),
    "halt": lambda p: p.play(c.Halt()),
    "resume": lambda p: p.play(c.Resume()),
    "up": lambda p: p.record_sample(),
    "down": lambda p: p.record_sample(up=False, seen=["kill"]),
    "lost": lambda p: p.play(c.SetDurability(False, "the disk is full")),
    "again": lambda p: p.play(c.Open()),
    "countdown": lambda p: p.play(c.StartCountdown(1, 5.0)),
}


@given(st.lists(st.sampled_from(sorted(PLAYS)), max_size=40))
def test_what_is_stored_comes_back_as_it_was(plays: list[str]) -> None:
    played = player(*DECK, faults=FAULTS)
    for name in plays:
        PLAYS[name](played)
    assert decode_state(encode_state(played.state), show()) == played.state


async def kept(path: Path, entries: Iterable[e.JournalEntry], state: ShowState | None = None) -> None:
    """A journal of these entries, with a snapshot of `state`."""
    journal = Journal(path)
    await journal.append(entries)
    if state is not None:
        await journal.save_snapshot(state)
    await journal.close()


async def folded(path: Path, of: ShowState) -> tuple[ShowState, int]:
    """The state that a start finds, and how many entries it reads for that."""
    journal = Journal(path)
    state, count = await journal.restore(of), 0
    async for entries in journal.entries_after(state.seq):
        for entry in entries:
            state, count = apply(state, entry), count + 1
    journal.verify(of)
    await journal.close()
    return state, count


def a_show() -> tuple[Player, ShowState]:
    """One that went on behind the state that is given."""
    played = player(*DECK, faults=FAULTS)
    for name in ("up", "inject", "planned", "applied", "down", "freeze", "conclude"):
        PLAYS[name](played)
    then = played.state
    for name in ("heal", "healed", "up", "advance", "say"):
        PLAYS[name](played)
    return played, then


async def test_a_start_folds_only_what_is_behind_the_snapshot(tmp_path: Path) -> None:
    played, then = a_show()
    await kept(tmp_path / "j", played.entries, then)
    state, count = await folded(tmp_path / "j", show())
    assert state == played.state
    assert count == played.state.seq - then.seq
    await kept(tmp_path / "all", played.entries)
    assert await folded(tmp_path / "all", show()) == (played.state, played.state.seq)


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE snapshots SET data = replace(data, 'conclude', 'concluded') || ' '",
        "UPDATE snapshots SET data = substr(data, 1, 100)",
        "UPDATE snapshots SET data = x'00ff'",
        "UPDATE snapshots SET version = version + 1",
        "UPDATE snapshots SET version = version - 1",
        "UPDATE snapshots SET seq = seq + 1000",
        "DELETE FROM snapshots",
        "DROP TABLE snapshots",
        "DROP INDEX story",
    ],
)
async def test_without_a_snapshot_that_can_be_read_the_events_are_folded(tmp_path: Path, damage: str) -> None:
    played, then = a_show()
    await kept(tmp_path / "j", played.entries, then)
    change(tmp_path / "j", damage)
    state, count = await folded(tmp_path / "j", show())
    assert state == played.state
    assert count == (played.state.seq if "story" not in damage else played.state.seq - then.seq)
    journal = Journal(tmp_path / "j")
    await journal.save_snapshot(state)
    await journal.close()
    assert await folded(tmp_path / "j", show()) == (played.state, 0), "it has one again"


async def test_a_snapshot_of_another_deck_or_of_other_faults_is_not_read(tmp_path: Path) -> None:
    played, then = a_show()
    await kept(tmp_path / "j", played.entries, then)
    for other in (
        create_initial_state("T", "s", "d", (*DECK, chapter("four")), FAULTS),
        create_initial_state("T", "s", "d", DECK, FAULTS[:1]),
    ):
        journal = Journal(tmp_path / "j")
        assert await journal.restore(other) == other
        await journal.close()


async def test_a_target_that_is_known_anew_is_not_taken_from_the_snapshot(tmp_path: Path) -> None:
    played, then = a_show()
    await kept(tmp_path / "j", played.entries, then)
    moved = replace(show(), faults=tuple(replace(one, target="elsewhere now") for one in FAULTS))
    state, _ = await folded(tmp_path / "j", moved)
    assert [one.target for one in state.faults] == ["n", "elsewhere now"], "of a fault that ran, what it hit"


def sampled(seq: int, at: float, *nodes: str) -> e.JournalEntry:
    health = {"nodes": [{"id": node, "health": "up", "metrics": {"x": seq}} for node in nodes], "interval_sec": 1.0}
    return e.JournalEntry(seq, at, "poller", e.HealthSampled(health, at))


async def test_samples_that_are_on_no_curve_any_more_are_not_read_and_no_node_is_forgotten(tmp_path: Path) -> None:
    """A journal of before, hours long and without a snapshot."""
    played = player(*DECK, faults=FAULTS)
    gone = [sampled(10 + n, 1000.0 + n, "n", "gone") for n in range(2000)]
    later = [sampled(2010 + n, 3000.0 + n, "n") for n in range(2000)]
    entries = [*played.entries, *gone, e.JournalEntry(2500, 3490.0, "test", e.Said("x")), *later]
    del entries[entries.index(later[490])]
    await kept(tmp_path / "j", entries)
    state, count = await folded(tmp_path / "j", show())
    assert count < 200
    whole = show()
    for entry in entries:
        whole = apply(whole, entry)
    assert state == whole
    assert [node.id for node in state.expected] == ["n", "gone"]


async def test_what_is_listed_of_a_show_needs_no_look_at_its_samples(tmp_path: Path) -> None:
    played = player(*DECK, faults=FAULTS)
    entries = [*played.entries, *(sampled(10 + n, 1000.0 + n, "n") for n in range(2000))]
    await kept(tmp_path / "j", entries)
    found = summarize(tmp_path / "j")
    assert (found.chapter, found.events, found.titles) == (1, 2009, ("one", "two", "three"))
    with closing(sqlite3.connect(tmp_path / "j")) as db:
        for query in ("SELECT data FROM entries WHERE {} ORDER BY seq DESC", "SELECT seq FROM entries WHERE {}"):
            plan = db.execute(f"EXPLAIN QUERY PLAN {query.format(STORY)}").fetchall()
            assert "story" in str(plan), plan
