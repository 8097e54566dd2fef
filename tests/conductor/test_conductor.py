"""The conductor with real tasks, a real journal and drivers of our own at its seams."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from demo.conductor import Conductor, ShowConfig
from demo.errors import DemoError, FaultError, JournalError, Refused
from demo.journal import Journal
from demo.show import ShowState
from demo.show import commands as c
from demo.types import ChaosConfig, ChaosType, Chapter, Plan, Stage

pytestmark = pytest.mark.anyio

SOON = 10.0


class System:
    """One switch that faults turn off, and a poller that looks at it ten times a second."""

    def __init__(self) -> None:
        self.up = True
        self.polls: Callable[[], Mapping[str, Any] | None] = self.look
        self.dies = False
        self._stopped = asyncio.Event()
        self._newest: Any = None

    def look(self) -> Mapping[str, Any]:
        node = {"id": "n", "name": "n", "health": "up" if self.up else "down"}
        return {"nodes": [node], "last_updated": datetime.now(UTC), "interval_sec": 0.1}

    async def run(self) -> None:
        while not self._stopped.is_set():
            if self.dies:
                raise RuntimeError("the poller fell over")
            self._newest = self.polls()
            await asyncio.sleep(0.05)

    def get_health(self) -> Any:
        return self._newest

    def stop(self) -> None:
        self._stopped.set()


class Switch:
    """A fault on that switch; each step can be made to fail or to hang."""

    def __init__(self, system: System, name: str = "off", duration: float = 0.3) -> None:
        self.config = ChaosConfig(name, ChaosType.CONTAINER_KILL, "Switch it off", duration)
        self.target = "n"
        self.observable = "n is down"
        self.system = system
        self.fails: dict[str, Exception] = {}
        self.hangs: set[str] = set()
        self.steps: list[str] = []

    async def _step(self, name: str) -> None:
        self.steps.append(name)
        if name in self.hangs:
            await asyncio.Event().wait()
        if name in self.fails:
            raise self.fails[name]

    async def plan(self) -> Plan:
        await self._step("plan")
        return Plan("switch", "n", {"was": "up"}, late_sec=0.0)

    async def inject(self, plan: Plan) -> None:
        self.system.up = False
        await self._step("inject")

    async def heal(self, plan: Plan) -> None:
        await self._step("heal")
        self.system.up = True

    async def is_healed(self, plan: Plan) -> bool:
        return self.system.up

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        return any(node["health"] == "down" for node in health["nodes"])


Deck = Sequence[Chapter] | Callable[[Stage], Sequence[Chapter]]
THREE = [Chapter("one", "a"), Chapter("two", "b"), Chapter("three", "c")]


@asynccontextmanager
async def playing(deck: Deck, *faults: Switch, system: System | None = None, **more: Any) -> AsyncIterator[Conductor]:
    conductor = Conductor(ShowConfig("test", deck, system, faults=faults, **more))
    task = asyncio.create_task(conductor.run())
    try:
        assert await conductor.until(lambda state: state.opened, SOON)
        yield conductor
    finally:
        conductor.stop()
        await asyncio.wait_for(task, SOON)


async def ask(conductor: Conductor, what: c.Command, pressed_on: int | None = None) -> ShowState:
    return await conductor.submit(c.CommandEnvelope("test", what, pressed_on))


async def reached(conductor: Conductor, condition: Callable[[ShowState], bool]) -> ShowState:
    assert await conductor.until(condition, SOON), conductor.state.log
    return conductor.state


async def test_fifty_taps_at_once_from_one_page_move_one_chapter() -> None:
    async with playing(THREE) as conductor:
        taps = [ask(conductor, c.Advance(), 1) for _ in range(50)]
        results = await asyncio.gather(*taps, return_exceptions=True)
        assert sum(not isinstance(result, Exception) for result in results) == 1
        assert conductor.state.number == 2
        assert conductor.demo_state.get_progress() == "[2/3]"


class Greedy(Switch):
    """Empties what it is shown."""

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        seen = super().is_seen(health, since)
        health["nodes"].clear()
        return seen


async def test_a_driver_that_changes_what_it_is_shown_changes_nothing_for_the_others() -> None:
    system = System()
    first, second = Greedy(system, "first"), Switch(system, "second")
    async with playing(THREE, first, second, system=system) as conductor:
        await reached(conductor, lambda state: state.freshness == "live")
        system.up = False
        state = await reached(conductor, lambda state: "second" in state.seen)
        assert state.seen == {"first", "second"}
        assert state.sample is not None
        assert state.sample.raw["nodes"]


async def test_an_answered_move_is_in_the_journal_and_a_new_conductor_continues_there(tmp_path: Path) -> None:
    async with playing(THREE, journal=Journal(tmp_path / "j")) as conductor:
        await ask(conductor, c.Advance())
        entries = await conductor.journal.read()
        assert entries[-1].seq == conductor.state.seq
        epoch = conductor.epoch
    async with playing(THREE, journal=Journal(tmp_path / "j")) as again:
        await reached(again, lambda state: state.number == 2)
        assert again.epoch == epoch
        assert again.demo_state.current == 1


async def test_a_journal_of_another_deck_is_refused(tmp_path: Path) -> None:
    async with playing(THREE, journal=Journal(tmp_path / "j")):
        pass
    other = Conductor(ShowConfig("test", [Chapter("four", "d"), Chapter("five", "e")], journal=Journal(tmp_path / "j")))
    with pytest.raises(JournalError, match="another deck"):
        await other.run()


async def test_an_action_runs_once_and_a_chapter_that_blocks_holds_the_show() -> None:
    runs: list[int] = []
    go_on = asyncio.Event()

    async def act() -> None:
        runs.append(1)
        await go_on.wait()

    deck = [Chapter("one", "a"), Chapter("two", "b", on_enter=act, blocks_advance=True, auto_advance=True), THREE[2]]
    async with playing(deck) as conductor:
        await ask(conductor, c.Advance())
        with pytest.raises(Refused, match="still running"):
            await ask(conductor, c.Advance())
        go_on.set()
        await reached(conductor, lambda state: state.number == 3)
        await ask(conductor, c.Back())
        await ask(conductor, c.Advance())
        assert runs == [1]


@pytest.mark.parametrize("error", [ValueError("no such table"), SystemExit(3), FaultError("the node is gone")])
async def test_an_action_that_raises_fails_its_chapter_and_the_show_goes_on(error: BaseException) -> None:
    async def act() -> None:
        raise error

    async with playing([Chapter("one", "a", on_enter=act, blocks_advance=True, auto_advance=True), THREE[1]]) as show:
        state = await reached(show, lambda state: state.action.status == "failed")
        assert str(error) in (state.action.error or "")
        assert state.number == 1
        assert (await ask(show, c.Advance())).number == 2


async def test_an_action_that_never_ends_is_failed_at_its_limit_even_if_it_ignores_that() -> None:
    release = asyncio.Event()

    async def act() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    deck = [Chapter("one", "a", on_enter=act, blocks_advance=True, limit_sec=0.2), THREE[1]]
    async with playing(deck) as conductor:
        state = await reached(conductor, lambda state: state.action.status == "failed")
        assert state.action.error == "its action did not finish within 0.2 s"
        assert (await ask(conductor, c.Advance())).number == 2
        release.set()


async def test_an_action_that_is_over_can_no_longer_touch_the_system() -> None:
    system = System()
    caught: list[str] = []
    tried = asyncio.Event()
    switch = Switch(system)

    def deck(stage: Stage) -> list[Chapter]:
        async def act() -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                try:
                    await stage.inject("off")
                except DemoError as error:
                    caught.append(str(error))
                tried.set()

        return [Chapter("one", "a", on_enter=act), THREE[1]]

    async with playing(deck, switch, system=system) as conductor:
        await reached(conductor, lambda state: state.action.status == "running")
        await ask(conductor, c.Halt())
        await asyncio.wait_for(tried.wait(), SOON)
        assert caught, "neither refused by the rules nor by the stage"
        assert switch.steps == []


async def test_a_chapter_without_an_action_moves_on_after_a_readable_pause() -> None:
    async with playing([Chapter("one", "a", auto_advance=True), THREE[1]]) as conductor:
        began = asyncio.get_running_loop().time()
        await reached(conductor, lambda state: state.number == 2)
        assert asyncio.get_running_loop().time() - began > 2


async def test_a_fault_is_injected_seen_healed_by_itself_and_its_times_are_measured() -> None:
    system = System()
    switch = Switch(system)
    async with playing(THREE, switch, system=system) as conductor:
        await reached(conductor, lambda state: state.freshness == "live")
        await ask(conductor, c.Inject("off"))
        assert [undo.fault for undo in await conductor.journal.pending()] in ([], ["off"])
        state = await reached(conductor, lambda state: state.faults[0].recovered_after_sec is not None)
        fault = state.faults[0]
        assert switch.steps == ["plan", "inject", "heal"]
        assert fault.state == "idle"
        assert fault.detected_after_sec is not None
        assert fault.recovered_after_sec is not None
        assert 0 <= fault.detected_after_sec < 5
        assert await conductor.journal.pending() == []


async def test_the_undo_is_on_disk_before_the_fault_is_applied(tmp_path: Path) -> None:
    system = System()
    journal = Journal(tmp_path / "j")
    found: list[str] = []

    class Curious(Switch):
        async def inject(self, plan: Plan) -> None:
            found.extend(undo.fault for undo in await journal.pending())

    async with playing(THREE, Curious(system), system=system, journal=journal) as conductor:
        await ask(conductor, c.Inject("off"))
        await reached(conductor, lambda state: state.faults[0].state == "active")
        assert found == ["off"]


@pytest.mark.parametrize("step", ["plan", "inject"])
async def test_a_driver_that_fails_half_way_is_healed_and_said(step: str) -> None:
    system = System()
    switch = Switch(system)
    switch.fails = {step: FaultError("the process would not die")}
    async with playing(THREE, switch, system=system) as conductor:
        await ask(conductor, c.Inject("off"))
        state = await reached(conductor, lambda s: s.faults[0].state == "failed" and not s.faults[0].is_running)
        assert state.faults[0].error == "the process would not die"
        assert system.up
        assert ("heal" in switch.steps) == (step == "inject")
        switch.fails = {}
        await ask(conductor, c.Inject("off"))
        await reached(conductor, lambda state: state.faults[0].state == "active")


async def test_a_heal_that_fails_is_shown_and_tried_again_on_demand() -> None:
    system = System()
    switch = Switch(system, duration=math.inf)
    async with playing(THREE, switch, system=system) as conductor:
        await ask(conductor, c.Inject("off"))
        await reached(conductor, lambda state: state.faults[0].state == "active")
        switch.fails = {"heal": RuntimeError("no answer")}
        await ask(conductor, c.Heal("off"))
        state = await reached(conductor, lambda state: state.faults[0].state == "failed")
        assert "no answer" in (state.faults[0].error or "")
        assert [undo.fault for undo in await conductor.journal.pending()] == ["off"]
        switch.fails = {}
        await ask(conductor, c.Heal())
        await reached(conductor, lambda state: state.faults[0].state == "idle")
        assert system.up


async def test_halt_never_waits_behind_a_driver_that_hangs() -> None:
    system = System()
    stuck, active = Switch(system, "stuck"), Switch(system, "active", duration=math.inf)
    stuck.hangs = {"plan"}
    async with playing(THREE, stuck, active, system=system) as conductor:
        await ask(conductor, c.Inject("active"))
        await reached(conductor, lambda state: state.faults[1].state == "active")
        await ask(conductor, c.Inject("stuck"))
        state = await asyncio.wait_for(ask(conductor, c.Halt()), 1)
        assert state.halted
        await reached(conductor, lambda state: state.faults[1].state == "idle")
        with pytest.raises(Refused, match="halted"):
            await ask(conductor, c.Inject("active"))


async def test_the_end_of_the_show_heals_what_is_in_place() -> None:
    system = System()
    switch = Switch(system, duration=math.inf)
    async with playing(THREE, switch, system=system) as conductor:
        await ask(conductor, c.Inject("off"))
        await reached(conductor, lambda state: state.faults[0].state == "active")
        assert not system.up
    assert system.up


async def test_a_fault_left_by_a_dead_server_is_healed_by_the_next(tmp_path: Path) -> None:
    system = System()
    journal = Journal(tmp_path / "j")
    async with playing(THREE, Switch(system), system=system, journal=journal):
        pass
    system = System()
    system.up = False
    left = Journal(tmp_path / "j")
    await left.record_undo("off", 1, Plan("switch", "n", {"was": "up"}, late_sec=0.0))
    await left.close()
    # The fold of this journal knows no fault under way: the ledger alone must do.
    async with playing(THREE, Switch(system), system=system, journal=Journal(tmp_path / "j")) as conductor:
        await reached(conductor, lambda state: state.sample is not None and not state.sample.has_issues)
        assert system.up


@pytest.mark.parametrize(
    ("nonsense", "complaint"), [(3, "not a dict"), ({"nodes": 5}, "not a list"), ([1], "not a dict")]
)
async def test_a_poller_that_returns_nonsense_is_said_once(nonsense: Any, complaint: str) -> None:
    system = System()
    system.polls = lambda: nonsense
    async with playing(THREE, system=system) as conductor:
        await reached(conductor, lambda state: any(complaint in line.text for line in state.log))
        assert (await ask(conductor, c.Advance())).number == 2
        assert sum(complaint in line.text for line in conductor.state.log) == 1
        assert conductor.state.freshness == "unknown"


async def test_a_poller_that_raises_is_unknown_at_once_and_heal_brings_it_back() -> None:
    system = System()
    async with playing(THREE, system=system) as conductor:
        await reached(conductor, lambda state: state.freshness == "live")
        system.dies = True
        state = await reached(conductor, lambda state: state.freshness == "unknown")
        assert "the poller fell over" in state.freshness_reason
        system.dies = False
        await ask(conductor, c.Heal())
        await reached(conductor, lambda state: state.freshness == "live")


async def test_a_poller_that_hangs_goes_stale_then_unknown() -> None:
    system = System()
    async with playing(THREE, system=system) as conductor:
        await reached(conductor, lambda state: state.freshness == "live")
        frozen = system.look()
        system.polls = lambda: frozen
        await reached(conductor, lambda state: state.freshness == "stale")
        await reached(conductor, lambda state: state.freshness == "unknown")


async def test_a_system_that_cannot_start_is_said_and_the_show_goes_on() -> None:
    async def start() -> None:
        raise DemoError("there is no Redis here")

    async with playing(THREE, start_system=start) as conductor:
        await reached(conductor, lambda state: state.system_error == "there is no Redis here")
        assert (await ask(conductor, c.Advance())).number == 2


async def test_the_stage_tells_the_story_of_a_fault() -> None:
    system = System()
    verdict: list[str] = []

    def deck(stage: Stage) -> list[Chapter]:
        async def act() -> None:
            await stage.countdown(0.05)
            await stage.say("here it comes")
            await stage.inject("off")
            assert await stage.wait_until(lambda health: health["nodes"][0]["health"] == "down", SOON)
            assert await stage.wait_recovered("off", SOON)
            measured = stage.measured("off")
            assert measured.detected_after_sec is not None
            verdict.append("held")
            await stage.conclude(True, "It came back.")

        return [Chapter("one", "a", hypothesis="It comes back"), Chapter("two", "b", on_enter=act), THREE[2]]

    async with playing(deck, Switch(system), system=system) as conductor:
        await ask(conductor, c.Advance())
        state = await reached(conductor, lambda state: state.action.status in ("done", "failed"))
        assert state.action.error is None
        assert verdict == ["held"]
        assert state.verdicts[1].text == "It came back."
        assert state.said == "here it comes"


async def test_an_injection_that_the_rules_refuse_fails_the_chapter_with_the_reason() -> None:
    def deck(stage: Stage) -> list[Chapter]:
        async def act() -> None:
            await stage.inject("no-such-fault")

        return [Chapter("one", "a", on_enter=act), THREE[1]]

    async with playing(deck) as conductor:
        state = await reached(conductor, lambda state: state.action.status == "failed")
        assert "no-such-fault" in (state.action.error or "")
