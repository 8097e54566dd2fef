"""The system behind a show: healed by steps that fail for themselves, ended last, and then looked at once more."""

import asyncio
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from demo import commands as c
from demo.conductor import Conductor, faults, undoing
from demo.conductor.system import ENDING, QUIET_SEC
from demo.errors import FaultError, SubjectError
from demo.journal import Journal
from demo.types import Plan
from tests.test_conductor import SOON, THREE, Switch, System, ask, playing, reached

pytestmark = pytest.mark.anyio


async def test_a_system_that_cannot_be_healed_does_not_keep_failed_faults_from_being_tried_again() -> None:
    async def heal_system() -> None:
        await asyncio.Event().wait()

    system = System()
    switch = Switch(system, duration=math.inf)
    async with playing(THREE, switch, system=system, heal_system=heal_system, heal_sec=0.2) as conductor:
        await ask(conductor, c.Inject("off"))
        await reached(conductor, lambda state: state.faults[0].state == "active")
        switch.fails = {"heal": FaultError("no answer")}
        await ask(conductor, c.Heal("off"))
        await reached(conductor, lambda state: state.faults[0].state == "failed")
        await ask(conductor, c.Heal())
        await reached(conductor, lambda state: state.faults[0].state == "failed")
        switch.fails = {}
        await reached(conductor, lambda state: state.faults[0].state == "idle")
        state = await reached(conductor, lambda state: not state.parts_healing)
        assert state.parts_error == "healing the system took longer than 0.2 s"


async def test_a_start_that_outlasts_a_heal_takes_back_that_it_failed() -> None:
    go_on = asyncio.Event()

    async def heal_system() -> None:
        await asyncio.Event().wait()

    async with playing(THREE, start_system=go_on.wait, heal_system=heal_system, heal_sec=0.1) as conductor:
        await ask(conductor, c.Heal())
        await reached(conductor, lambda state: state.parts_error is not None)
        go_on.set()
        await reached(conductor, lambda state: state.parts_error is None)


class Keeper:
    """A watchdog of the test's own that notes when it was let go of."""

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes
        self.is_alive = True

    def begin(self, journal: Path, tell: Callable[[str], None]) -> None:
        pass

    async def hold(self, ident: str, fault: str, plan: Plan, lasts_sec: float) -> None:
        pass

    def applied(self, ident: str) -> None:
        pass

    def release(self, ident: str) -> None:
        self.notes.append("released")

    async def close(self) -> None:
        self.notes.append("let go")


@pytest.mark.parametrize("ends", [True, False], ids=["gone with its system", "still broken"])
async def test_what_was_not_healed_in_time_is_looked_at_again_when_the_system_has_ended(ends: bool) -> None:
    notes: list[str] = []
    system = System()
    switch = Switch(system, duration=math.inf)

    async def stop_system() -> None:
        notes.append("system ended")
        system.up = ends

    keeper = Keeper(notes)
    conductor = Conductor("test", THREE, system, faults=[switch], stop_system=stop_system, watchdog=keeper)
    task = asyncio.create_task(conductor.run())
    await ask(conductor, c.Inject("off"))
    await reached(conductor, lambda state: state.faults[0].state == "active")
    switch.fails = {"heal": FaultError("no answer")}
    conductor.stop()
    if ends:
        await asyncio.wait_for(task, SOON)
    else:
        with pytest.raises(FaultError, match="not healed: off: no answer"):
            await asyncio.wait_for(task, SOON)
    assert notes == (["system ended", "released", "let go"] if ends else ["system ended", "let go"])


async def test_a_system_that_takes_long_to_end_is_spoken_of_and_its_failure_said() -> None:
    async def stop_system() -> None:
        await asyncio.sleep(QUIET_SEC * 1.2)
        raise SubjectError("a container stays")

    conductor = Conductor("test", THREE, stop_system=stop_system)
    task = asyncio.create_task(conductor.run())
    await ask(conductor, c.Advance())
    conductor.stop()
    with pytest.raises(SubjectError, match="a container stays"):
        await asyncio.wait_for(task, SOON)
    assert conductor.state.log[-1].text == ENDING


# What a heal says, and whose an undo is.


class Weary(Switch):
    """A look takes a while, and never sees it healed."""

    async def is_healed(self, plan: Plan) -> bool:
        await asyncio.sleep(0.03)
        return False


async def test_a_target_that_does_not_come_back_is_said_to_be_just_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undoing, "HEAL_LIMIT_SEC", 0.2)
    weary = Weary(System())
    assert await undoing.undo(weary, await weary.plan()) == "n did not look healed within 0.2 s"


class Wandering(Switch):
    """Another target each time; its injection never ends, and may land late."""

    async def plan(self) -> Plan:
        self.steps.append("plan")
        return Plan("switch", f"n{len(self.steps)}", {}, late_sec=60.0)

    async def inject(self, plan: Plan) -> None:
        await asyncio.Event().wait()


async def test_a_new_injection_ties_off_what_may_still_land_on_its_own_target_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "INJECT_LIMIT_SEC", 0.1)
    left: list[str] = []
    switch, journal = Wandering(System(), duration=math.inf), Journal(tmp_path / "j")

    async def play() -> None:
        async with playing(THREE, switch, journal=journal) as conductor:
            for _ in range(2):
                await ask(conductor, c.Inject("off"))
                await reached(
                    conductor, lambda state: state.faults[0].state == "failed" and not state.faults[0].touched
                )
                switch.steps.append("again")
            left.extend(undo.plan.target for undo in await journal.pending())

    with pytest.raises(FaultError, match="may still land within 60 s"):
        await play()
    assert left == ["n1", "n4"]
