"""The conductor when everything around it misbehaves: hung drivers, a hung disk, foreign code of every kind."""

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest

from demo.conductor import Conductor, ShowConfig
from demo.errors import DemoError, ShowOver
from demo.journal import Journal
from demo.show import ShowState
from demo.show import commands as c
from demo.types import Chapter, Plan, Stage
from tests.conductor.test_conductor import SOON, THREE, Switch, System, ask, playing, reached

pytestmark = pytest.mark.anyio


class StuckJournal(Journal):
    """A journal whose disk can be made to hang."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.stuck = False
        self.free = asyncio.Event()

    async def append(self, entries: Any) -> None:
        if self.stuck:
            await self.free.wait()
        await super().append(entries)

    async def mark(self, ident: str, state: str) -> None:
        if self.stuck:
            await self.free.wait()
        await super().mark(ident, state)


class Stubborn(Switch):
    """An injection that ignores its cancellation."""

    release = False

    async def inject(self, plan: Plan) -> None:
        while not self.release:
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue


# After a restart.


async def left_behind(path: Path, *faults: str) -> None:
    journal = Journal(path)
    for name in faults:
        await journal.record_undo(name, 1, Plan("switch", "n", {"was": "up"}, late_sec=0.0))
    await journal.close()


async def test_commands_wait_until_what_was_left_is_healed_and_halt_does_not(tmp_path: Path) -> None:
    async with playing(THREE, journal=Journal(tmp_path / "j")):
        pass
    await left_behind(tmp_path / "j", "off")
    switch = Switch(System(), duration=math.inf)
    switch.hangs = {"heal"}
    async with playing(THREE, switch, journal=Journal(tmp_path / "j")) as conductor:
        waiting = asyncio.create_task(ask(conductor, c.Advance()))
        await reached(conductor, lambda state: switch.steps == ["heal"] or state.opened)
        assert (await asyncio.wait_for(ask(conductor, c.Halt()), 1)).halted
        assert not waiting.done()
        assert conductor.state.number == 1
        waiting.cancel()
        switch.hangs = set()


async def test_an_undo_that_was_left_is_not_mistaken_for_a_new_one(tmp_path: Path) -> None:
    async with playing(THREE, journal=Journal(tmp_path / "j")):
        pass
    await left_behind(tmp_path / "j", "off", "off")
    system = System()
    switch = Switch(system, duration=math.inf)
    async with playing(THREE, switch, system=system, journal=Journal(tmp_path / "j")) as conductor:
        await ask(conductor, c.Inject("off"))
        await reached(conductor, lambda state: state.faults[0].state == "active")
        assert switch.steps == ["heal", "heal", "plan", "inject"], "both were undone before the new one"
        assert [undo.run for undo in await conductor.journal.pending()] == [1]
        assert not system.up
        await ask(conductor, c.Heal("off"))
        await reached(conductor, lambda state: state.faults[0].state == "idle")
        assert switch.system.up
        assert switch.steps[-1] == "heal"


# The way out.


async def test_an_injection_that_ignores_its_end_does_not_keep_the_others_broken() -> None:
    system = System()
    stubborn, switch = Stubborn(system, "stubborn"), Switch(system, "off", duration=math.inf)
    async with playing(THREE, stubborn, switch, system=system) as conductor:
        await ask(conductor, c.Inject("off"))
        await ask(conductor, c.Inject("stubborn"))
        await reached(
            conductor, lambda state: state.faults[1].state == "active" and state.faults[0].may_have_changed_target
        )
    assert system.up
    assert switch.steps[-1] == "heal"
    stubborn.release = True


async def test_what_could_not_be_healed_on_the_way_out_is_said() -> None:
    system = System()
    switch = Switch(system, duration=math.inf)
    conductor = Conductor(ShowConfig("test", THREE, system, faults=[switch]))
    task = asyncio.create_task(conductor.run())
    await ask(conductor, c.Inject("off"))
    await reached(conductor, lambda state: state.faults[0].state == "active")
    switch.fails = {"heal": RuntimeError("no answer")}
    conductor.stop()
    with pytest.raises(DemoError, match=r"not healed: off: .*RuntimeError: no answer"):
        await asyncio.wait_for(task, SOON)


async def test_after_the_end_a_command_is_answered() -> None:
    conductor = Conductor(ShowConfig("test", THREE))
    task = asyncio.create_task(conductor.run())
    await ask(conductor, c.Advance())
    conductor.stop()
    await asyncio.wait_for(task, SOON)
    for what in (c.Advance(), c.Halt()):
        with pytest.raises(ShowOver):
            await asyncio.wait_for(ask(conductor, what), 1)


async def test_a_cancelled_run_heals_all_the_same() -> None:
    system = System()
    conductor = Conductor(ShowConfig("test", THREE, system, faults=[Switch(system, duration=math.inf)]))
    task = asyncio.create_task(conductor.run())
    await ask(conductor, c.Inject("off"))
    await reached(conductor, lambda state: state.faults[0].state == "active")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, SOON)
    assert system.up


async def test_a_poller_that_cannot_be_stopped_costs_nothing_else(tmp_path: Path) -> None:
    class Rude(System):
        def stop(self) -> None:
            raise RuntimeError("no")

    async with playing(THREE, system=Rude(), journal=Journal(tmp_path / "j")) as conductor:
        await ask(conductor, c.Advance())
    await Journal(tmp_path / "j").close()


async def test_an_action_that_swallows_its_end_is_left_behind() -> None:
    free = asyncio.Event()

    async def act() -> None:
        while not free.is_set():
            try:
                await free.wait()
            except asyncio.CancelledError:
                continue

    async with playing([Chapter("one", "a", on_enter=act), THREE[1]]) as conductor:
        await reached(conductor, lambda state: state.action.status == "running")
    free.set()


# A hung disk.


async def test_halt_waits_neither_for_its_turn_nor_for_the_disk(tmp_path: Path) -> None:
    system, journal = System(), StuckJournal(tmp_path / "j")
    switch = Switch(system, duration=math.inf)
    async with playing(THREE, switch, system=system, journal=journal) as conductor:
        await ask(conductor, c.Inject("off"))
        await reached(conductor, lambda state: state.faults[0].state == "active")
        journal.stuck = True
        taps = [asyncio.create_task(ask(conductor, c.Say(str(number)))) for number in range(6)]
        await asyncio.sleep(0)
        began = asyncio.get_running_loop().time()
        state = await asyncio.wait_for(ask(conductor, c.Halt()), 1)
        assert state.halted
        assert asyncio.get_running_loop().time() - began < 0.5
        await reached(conductor, lambda state: state.faults[0].state == "idle")
        assert system.up
        await asyncio.gather(*taps)
        journal.stuck = False
        journal.free.set()


async def test_a_lost_disk_is_said_and_takes_moves_but_no_new_fault(tmp_path: Path) -> None:
    system, journal = System(), StuckJournal(tmp_path / "j")
    async with playing(THREE, Switch(system), system=system, journal=journal) as conductor:
        journal.stuck = True
        assert (await ask(conductor, c.Advance())).number == 2
        await reached(conductor, lambda state: not state.durable)
        with pytest.raises(DemoError, match="its undo would be lost"):
            await ask(conductor, c.Inject("off"))
        journal.stuck = False
        journal.free.set()
        await reached(conductor, lambda state: state.durable)
        await ask(conductor, c.Inject("off"))


# Foreign code.


async def test_a_heal_that_ends_as_cancelled_is_a_failed_heal() -> None:
    system = System()
    switch = Switch(system, duration=math.inf)
    async with playing(THREE, switch, system=system) as conductor:
        await ask(conductor, c.Inject("off"))
        await reached(conductor, lambda state: state.faults[0].state == "active")
        switch.fails = {"heal": asyncio.CancelledError()}  # type: ignore[dict-item]
        await ask(conductor, c.Heal("off"))
        await reached(conductor, lambda state: state.faults[0].state == "failed")
        switch.fails = {}
        await ask(conductor, c.Heal("off"))
        await reached(conductor, lambda state: state.faults[0].state == "idle")


async def test_an_action_that_raises_outside_of_exception_fails_its_chapter() -> None:
    class Odd(BaseException):
        pass

    async def act() -> None:
        raise Odd("odd")

    async with playing([Chapter("one", "a", on_enter=act, blocks_advance=True), THREE[1]]) as conductor:
        await reached(conductor, lambda state: state.action.status == "failed")
        assert (await ask(conductor, c.Advance())).number == 2


async def test_the_systems_heal_waits_for_the_faults_own() -> None:
    system = System()
    switch = Switch(system, duration=math.inf)
    order: list[str] = []

    class Slow(Switch):
        async def heal(self, plan: Plan) -> None:
            await asyncio.sleep(0.2)
            await super().heal(plan)
            order.append("fault")

    async def heal_system() -> None:
        order.append("system")

    slow = Slow(system, duration=math.inf)
    for what in (c.Heal(), c.Halt()):
        order.clear()
        async with playing(THREE, slow, system=system, heal_system=heal_system) as conductor:
            await ask(conductor, c.Inject("off"))
            await reached(conductor, lambda state: state.faults[0].state == "active")
            await ask(conductor, what)
            await reached(conductor, lambda state: not state.system_healing)
        assert order == ["fault", "system"]
        system = System()
        slow = Slow(system, duration=math.inf)
    assert switch.steps == []


async def test_a_driver_that_cannot_read_the_health_does_not_cost_the_others_theirs() -> None:
    class Blind(Switch):
        def is_seen(self, health: Any, since: float) -> bool:
            raise KeyError("nope")

    system = System()
    async with playing(THREE, Blind(system), system=system) as conductor:
        await reached(conductor, lambda state: state.freshness == "live")
        await reached(conductor, lambda state: any("cannot read the health" in line.text for line in state.log))
        await reached(conductor, lambda state: len(state.history) > 1)
        assert sum("cannot read the health" in line.text for line in conductor.state.log) == 1


async def test_a_screen_that_breaks_is_said_once_and_the_show_goes_on() -> None:
    def broken(state: ShowState) -> None:
        raise ValueError("no picture")

    async with playing(THREE) as conductor:
        conductor.subscribe(broken)
        assert (await ask(conductor, c.Advance())).number == 2
        assert (await ask(conductor, c.Advance())).number == 3
        await reached(conductor, lambda state: any("no picture" in line.text for line in state.log))
        assert sum("no picture" in line.text for line in conductor.state.log) == 1


async def test_a_condition_that_breaks_is_the_chapters_own_trouble() -> None:
    def deck(stage: Stage) -> list[Chapter]:
        async def act() -> None:
            await stage.wait_until(lambda health: next(iter(())), 5)

        return [Chapter("one", "a", on_enter=act), THREE[1]]

    async with playing(deck, system=System()) as conductor:
        state = await reached(conductor, lambda state: state.action.status == "failed")
        assert "the condition raised an error" in (state.action.error or "")
        assert (await ask(conductor, c.Advance())).number == 2


@pytest.mark.parametrize("call", ["say", "conclude", "countdown"])
async def test_what_a_deck_says_wrongly_fails_its_chapter_and_is_not_written(call: str) -> None:
    def deck(stage: Stage) -> list[Chapter]:
        async def act() -> None:
            calls: dict[str, Any] = {
                "say": lambda: stage.say(b"bytes"),  # type: ignore[arg-type]
                "conclude": lambda: stage.conclude(True, None),  # type: ignore[arg-type]
                "countdown": lambda: stage.countdown(math.inf),
            }
            await calls[call]()

        return [Chapter("one", "a", on_enter=act), THREE[1]]

    async with playing(deck) as conductor:
        await reached(conductor, lambda state: state.action.status == "failed")
        assert (await ask(conductor, c.Advance())).number == 2
        entries = await conductor.journal.read()
        assert entries[-1].seq == conductor.state.seq


async def test_a_hung_poller_without_times_of_its_own_goes_stale() -> None:
    system = System()
    frozen = {"nodes": [{"id": "n", "health": "up"}], "interval_sec": 0.1}
    system.polls = lambda: frozen
    async with playing(THREE, system=system) as conductor:
        await reached(conductor, lambda state: state.freshness == "live")
        await reached(conductor, lambda state: state.freshness == "stale")


async def test_a_poller_that_ended_stays_unknown() -> None:
    system = System()
    system.polls = lambda: {"nodes": [{"id": "n", "health": "up"}], "interval_sec": 0.1}
    async with playing(THREE, system=system) as conductor:
        await reached(conductor, lambda state: state.freshness == "live")
        system.dies = True
        await reached(conductor, lambda state: state.freshness == "unknown")
        seq = conductor.state.seq
        assert not await conductor.until(lambda state: state.freshness == "live", 0.6)
        assert conductor.state.seq <= seq + 1
