"""The system behind a show: healed by steps that fail for themselves, ended last, and then looked at once more."""

import asyncio
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.conductor import Conductor, ShowConfig, fault_runner
from demo.conductor.system_lifecycle import ENDING, QUIET_SEC
from demo.errors import FaultError, Refused, ShowOver, SubjectError
from demo.journal import Journal
from demo.show import commands as c
from demo.types import Chapter, Plan, Stage
from demo.watchdog import undo
from tests.conductor.test_conductor import SOON, THREE, Switch, System, ask, playing, reached

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
        state = await reached(conductor, lambda state: not state.system_healing)
        assert state.system_error == "healing the system took longer than 0.2 s"


async def test_a_start_that_outlasts_a_heal_takes_back_that_it_failed() -> None:
    go_on = asyncio.Event()

    async def heal_system() -> None:
        await asyncio.Event().wait()

    async with playing(THREE, start_system=go_on.wait, heal_system=heal_system, heal_sec=0.1) as conductor:
        await ask(conductor, c.Heal())
        await reached(conductor, lambda state: state.system_error is not None)
        go_on.set()
        await reached(conductor, lambda state: state.system_error is None)


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
    conductor = Conductor(ShowConfig("test", THREE, system, faults=[switch], stop_system=stop_system, watchdog=keeper))
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

    conductor = Conductor(ShowConfig("test", THREE, stop_system=stop_system))
    task = asyncio.create_task(conductor.run())
    await ask(conductor, c.Advance())
    conductor.stop()
    with pytest.raises(SubjectError, match="a container stays"):
        await asyncio.wait_for(task, SOON)
    assert conductor.state.log[-1].text == ENDING


async def test_a_system_that_does_not_end_holds_the_watchdog_back_no_longer_than_its_limit() -> None:
    notes: list[str] = []
    conductor = Conductor(
        ShowConfig("test", THREE, stop_system=asyncio.Event().wait, stop_sec=0.2, watchdog=Keeper(notes))  # type: ignore[arg-type]
    )
    task = asyncio.create_task(conductor.run())
    await ask(conductor, c.Advance())
    conductor.stop()
    with pytest.raises(FaultError, match=r"^stopping the system took longer than 0\.2 s$"):
        await asyncio.wait_for(task, SOON)
    assert notes == ["let go"]


async def test_a_start_that_fails_while_all_is_healed_lets_nothing_new_be_broken() -> None:
    fail, go_on = asyncio.Event(), asyncio.Event()

    async def start_system() -> None:
        await fail.wait()
        raise SubjectError("not up after 90 s")

    async def heal_system() -> None:
        await go_on.wait()

    switch = Switch(System(), duration=math.inf)
    async with playing(THREE, switch, start_system=start_system, heal_system=heal_system) as conductor:
        await ask(conductor, c.Heal())
        fail.set()
        await reached(conductor, lambda state: any(line.text == "not up after 90 s" for line in state.log))
        with pytest.raises(Refused, match="heal all is still running"):
            await ask(conductor, c.Inject("off"))
        go_on.set()
        await reached(conductor, lambda state: not state.system_healing)
        assert (await ask(conductor, c.Inject("off"))).faults[0].run == 1


async def test_a_chapter_that_breaks_something_waits_for_the_end_of_a_heal() -> None:
    go_on = asyncio.Event()

    def deck(stage: Stage) -> list[Chapter]:
        return [THREE[0], Chapter("break", "b", on_enter=lambda: stage.inject("off"))]

    async def heal_system() -> None:
        await go_on.wait()

    async with playing(deck, Switch(System(), duration=math.inf), heal_system=heal_system) as conductor:
        await ask(conductor, c.Heal())
        await ask(conductor, c.Advance())
        await reached(conductor, lambda state: state.actions[1].status == "running")
        go_on.set()
        await reached(conductor, lambda state: state.actions[1].status == "done")
        assert conductor.state.faults[0].state == "active"


async def test_who_waits_for_what_an_earlier_server_left_is_answered_when_the_show_ends(tmp_path: Path) -> None:
    """Not when the last undo has had its time: whoever serves them has left by then."""
    system = System()
    switch = Switch(system, duration=math.inf)
    journal = Journal(tmp_path / "j")
    first = Conductor(ShowConfig("test", THREE, system, faults=[switch], journal=journal))
    switch.fails = {"heal": FaultError("no answer")}
    task = asyncio.create_task(first.run())
    await ask(first, c.Inject("off"))
    await reached(first, lambda state: state.faults[0].state == "active")
    first.stop()
    with pytest.raises(FaultError, match="not healed"):
        await asyncio.wait_for(task, SOON)
    switch.fails, switch.hangs = {}, {"heal"}
    second = Conductor(ShowConfig("test", THREE, faults=[switch], journal=Journal(tmp_path / "j"), watchdog=Keeper([])))
    task = asyncio.create_task(second.run())
    pressed = asyncio.create_task(ask(second, c.Advance()))
    await reached(second, lambda state: state.opened and "heal" in switch.steps)
    second.stop()
    await asyncio.wait({pressed, task}, return_when=asyncio.FIRST_COMPLETED)
    assert pressed.done()
    assert not task.done()
    with pytest.raises(ShowOver):
        pressed.result()
    with pytest.raises(FaultError, match="not healed"):
        await asyncio.wait_for(task, SOON)


# What a heal says, and whose an undo is.


async def test_ten_hands_on_a_fault_that_does_not_heal_leave_one_that_tries_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fault_runner, "RETRY_FIRST_SEC", 0.2)
    monkeypatch.setattr(fault_runner, "MAX_RETRY_SEC", 0.2)
    switch = Switch(System(), duration=math.inf)
    async with playing(THREE, switch) as conductor:
        await ask(conductor, c.Inject("off"))
        await reached(conductor, lambda state: state.faults[0].state == "active")
        switch.fails = {"heal": FaultError("no answer")}
        for _ in range(10):
            await ask(conductor, c.Heal("off"))
            await reached(conductor, lambda state: state.faults[0].state == "failed")
        retries = [task for task in asyncio.all_tasks() if task.get_name() == "trying again to heal off"]
        assert len(retries) - sum(task.cancelling() for task in retries) == 1
        switch.fails = {}
        await reached(conductor, lambda state: state.faults[0].state == "idle")


class Weary(Switch):
    """A look takes a while, and never sees it healed."""

    async def is_healed(self, plan: Plan) -> bool:
        await asyncio.sleep(0.03)
        return False


async def test_a_target_that_does_not_come_back_is_said_to_be_just_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undo, "HEAL_TIMEOUT_SEC", 0.2)
    weary = Weary(System())
    assert await undo.undo(weary, await weary.plan()) == "n was not healed within 0.2 s"


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
    monkeypatch.setattr(fault_runner, "INJECT_TIMEOUT_SEC", 0.1)
    left: list[str] = []
    switch, journal = Wandering(System(), duration=math.inf), Journal(tmp_path / "j")

    async def play() -> None:
        async with playing(THREE, switch, journal=journal) as conductor:
            for _ in range(2):
                await ask(conductor, c.Inject("off"))
                await reached(
                    conductor,
                    lambda state: state.faults[0].state == "failed" and not state.faults[0].may_have_changed_target,
                )
                switch.steps.append("again")
            left.extend(undo.plan.target for undo in await journal.pending())

    with pytest.raises(FaultError, match="may still take effect within 60 s"):
        await play()
    assert left == ["n1", "n4"]
