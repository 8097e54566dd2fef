"""A show whose undo was handed to another one: it is not healed because its own ledger has nothing left."""

import math
from pathlib import Path

import pytest

from demo.errors import FaultError
from demo.journal import Journal
from demo.show import commands as c
from demo.show import events as e
from demo.types import Plan
from tests.conductor.test_conductor import THREE, Switch, System, ask, playing, reached

pytestmark = pytest.mark.anyio

STUCK = FaultError("the switch is stuck")


async def broken(path: Path, *states: str) -> Path:
    """A show that was killed with the switch off: run by run, what its ledger says of each undo."""
    journal = Journal(path)
    titles = tuple(chapter.title for chapter in THREE)
    story: list[e.Event] = [e.ShowOpened("test", titles), e.ChapterEntered(1, True, 1)]
    for run in range(1, max(len(states), 1) + 1):
        story += [e.FaultRequested("off", run), e.FaultStarted("off", run, "n"), e.FaultInjected("off", run, None)]
    await journal.append([e.JournalEntry(seq, 1000.0 + seq, "test", event) for seq, event in enumerate(story, 1)])
    for run, state in enumerate(states, 1):
        await journal.mark(await journal.record_undo("off", run, Plan("switch", "n", {}, late_sec=0.0)), state)
    await journal.close()
    return path


def stuck() -> Switch:
    system = System()
    system.up = False
    switch = Switch(system, duration=math.inf)
    switch.fails = {"heal": STUCK}
    return switch


@pytest.mark.parametrize("states", [["moved"], ["healed", "moved"]])
async def test_what_was_handed_on_is_asked_of_the_target_before_it_is_called_healed(
    tmp_path: Path, states: list[str]
) -> None:
    path, switch = await broken(tmp_path / "j", *states), stuck()
    async with playing(THREE, switch, journal=Journal(path)) as conductor:
        state = await reached(conductor, lambda state: state.faults[0].state == "failed")
        assert state.faults[0].may_have_changed_target
        assert (
            state.faults[0].error
            == "its undo was moved to another show, and healing it here failed: the switch is stuck"
        )
        switch.fails = {}
        await ask(conductor, c.Heal("off"))
        await reached(conductor, lambda state: not state.faults[0].may_have_changed_target)
        assert switch.system.up
    journal = Journal(path)
    assert (await journal.newest())["off"].state == "healed", "asked once: what was seen is noted"
    await journal.close()


async def test_what_another_show_has_healed_is_healed_without_touching_it(tmp_path: Path) -> None:
    path, switch = await broken(tmp_path / "j", "moved"), stuck()
    switch.system.up = True
    async with playing(THREE, switch, journal=Journal(path)) as conductor:
        await reached(conductor, lambda state: state.faults[0].state == "idle")
        assert "heal" not in switch.steps


async def test_an_undo_noted_as_healed_is_proof(tmp_path: Path) -> None:
    path, switch = await broken(tmp_path / "j", "moved", "healed"), stuck()
    async with playing(THREE, switch, journal=Journal(path)) as conductor:
        await reached(conductor, lambda state: state.faults[0].state == "idle")
        assert switch.steps == []


async def test_a_fault_that_the_ledger_never_heard_of_is_not_called_healed(tmp_path: Path) -> None:
    path = await broken(tmp_path / "j")

    async def see() -> None:
        async with playing(THREE, stuck(), journal=Journal(path)) as conductor:
            state = await reached(conductor, lambda state: state.faults[0].state == "failed")
            assert state.faults[0].may_have_changed_target

    with pytest.raises(FaultError, match="not healed: off: its undo is not in the journal"):
        await see()
