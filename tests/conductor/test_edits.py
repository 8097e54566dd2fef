"""A deck that is edited while a real conductor plays it: running actions, commands under way, faults in place."""

import asyncio
from collections.abc import Sequence

import pytest

from demo.conductor import Conductor
from demo.errors import FaultError, Refused
from demo.show import ShowState
from demo.show import commands as c
from demo.show.commands import CommandEnvelope
from demo.types import Chapter, Stage
from tests.conductor.test_conductor import SOON, THREE, Switch, System, ask, playing, reached

pytestmark = pytest.mark.anyio

NEW = Chapter("new", "n")


async def edit(conductor: Conductor, deck: Sequence[Chapter], places: Sequence[int], *drivers: Switch) -> ShowState:
    command = c.ReplaceDeck(tuple(deck), tuple(places), drivers, "T", "D")
    return await conductor.enqueue_and_wait(CommandEnvelope("file", command))


async def test_a_running_action_goes_on_under_the_new_number_of_its_chapter() -> None:
    begun, goes_on = asyncio.Event(), asyncio.Event()

    def deck(stage: Stage) -> list[Chapter]:
        async def act() -> None:
            begun.set()
            await goes_on.wait()
            await stage.countdown(0.0)
            await stage.conclude(True, "it did")

        return [Chapter("one", "a", on_enter=act, hypothesis="it holds"), *THREE[1:]]

    async with playing(deck) as conductor:
        await begun.wait()
        state = await edit(conductor, [NEW, NEW, *conductor.state.chapters], (3, 4, 5))
        assert (state.number, state.chapter.title, state.action.status) == (3, "one", "running")
        goes_on.set()
        done = await reached(conductor, lambda state: state.actions[2].status != "running")
        assert (done.actions[2].status, done.actions[2].error) == ("done", None)
        assert (done.verdicts[3].text, done.verdicts[3].by) == ("it did", 3)
        assert conductor.demo_state.get_current().title == "one"


async def test_an_action_whose_chapter_is_gone_is_cancelled_and_changes_nothing_any_more() -> None:
    begun, ended, reasons = asyncio.Event(), asyncio.Event(), []

    def deck(stage: Stage) -> list[Chapter]:
        async def act() -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                try:
                    await stage.say("still here")
                except FaultError as error:
                    reasons.append(str(error))
                    ended.set()

        return [Chapter("one", "a", on_enter=act, blocks_advance=True), *THREE[1:]]

    async with playing(deck) as conductor:
        await begun.wait()
        await edit(conductor, conductor.state.chapters[1:], (0, 1, 2))
        await asyncio.wait_for(ended.wait(), SOON)
        assert "is over" in reasons[0]
        assert (await ask(conductor, c.Advance())).chapter.title == "three"


async def test_a_press_that_was_under_way_means_the_chapter_that_it_was_pressed_on() -> None:
    async with playing(THREE) as conductor:
        await ask(conductor, c.Goto(2))
        editing = asyncio.ensure_future(edit(conductor, [NEW, *THREE], (2, 3, 4)))
        pressing = asyncio.ensure_future(ask(conductor, c.Advance(), pressed_on=2))
        going = asyncio.ensure_future(ask(conductor, c.Goto(1)))
        await editing
        assert (await pressing).chapter.title == "three"
        assert (await going).chapter.title == "one"


async def test_a_press_for_a_chapter_that_is_gone_is_refused() -> None:
    async with playing(THREE) as conductor:
        editing = asyncio.ensure_future(edit(conductor, THREE[:2], (1, 2, 0)))
        going = asyncio.ensure_future(ask(conductor, c.Goto(3)))
        await editing
        with pytest.raises(Refused, match="chapter 3 was removed from the deck meanwhile"):
            await going


async def test_a_fault_in_place_is_healed_by_the_driver_that_injected_it_and_then_replaced() -> None:
    system = System()
    old, new, other = Switch(system, duration=60.0), Switch(system, duration=60.0), Switch(system, "other", 60.0)
    async with playing(THREE, old, system=system) as conductor:
        await ask(conductor, c.Inject("off"))
        await reached(conductor, lambda state: state.faults[0].state == "active")
        await edit(conductor, THREE, (1, 2, 3), new, other)
        await ask(conductor, c.Heal("off"))
        await reached(conductor, lambda state: not state.faults[0].is_running)
        assert old.steps[-1] == "heal"
        assert new.steps == []
        await ask(conductor, c.Inject("off"))
        await ask(conductor, c.Inject("other"))
        await reached(conductor, lambda state: all(fault.state == "active" for fault in state.faults))
        assert new.steps == other.steps == ["plan", "inject"]


async def test_a_fault_that_an_edit_removes_while_it_is_in_place_is_healed_and_then_gone() -> None:
    system = System()
    old = Switch(system, duration=60.0)
    async with playing(THREE, old, system=system) as conductor:
        await ask(conductor, c.Inject("off"))
        await reached(conductor, lambda state: state.faults[0].state == "active")
        assert (await edit(conductor, THREE, (1, 2, 3))).faults[0].name == "off"
        await ask(conductor, c.Heal())
        await reached(conductor, lambda state: not state.faults[0].is_running)
        assert system.up
        assert (await edit(conductor, THREE, (1, 2, 3))).faults == ()
        with pytest.raises(Refused, match="no fault"):
            await ask(conductor, c.Inject("off"))
