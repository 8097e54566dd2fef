"""A show through steps of the wall clock and through sleeps of the machine: what it measures is what passed."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from demo.clock import ShowClock, uptime
from demo.conductor import Conductor, ShowConfig
from demo.journal import Journal
from demo.show import FaultState, ShowState
from demo.show import commands as c
from demo.types import ChaosConfig, ChaosType, Chapter, Plan, Stage
from demo.views import snapshot, stage_view

pytestmark = pytest.mark.anyio

SOON = 10.0
NOISE_SEC = 0.45
"""A poll, a look, and a loop that is busy."""

STEPS = [-3600.0, -3.0, 3.0, 3600.0]


class Machine:
    """Its date is set by `set_by`, it has slept for `slept`; the rest is real."""

    def __init__(self) -> None:
        self.set_by = self.slept = 0.0
        self.on = True
        self.is_hung = False
        self.heals_in = 0.2

    def clock(self) -> ShowClock:
        return ShowClock(lambda: uptime() + self.slept, self.date)

    def date(self) -> float:
        return time.time() + self.set_by + self.slept


class Poller:
    """Dates its samples by the machine's date, as pollers do; when it hangs, the last one stays."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._newest: dict[str, Any] | None = None
        self._ended = asyncio.Event()
        self.late_sec = 0.0

    async def run(self) -> None:
        while not self._ended.is_set():
            if not self._machine.is_hung:
                node = {"id": "n", "health": "up" if self._machine.on else "down", "metrics": {"x": 1.0}}
                metric = {"name": "load", "label": "load", "value": 7.0}
                at = datetime.fromtimestamp(self._machine.date() - self.late_sec, UTC)
                self._newest = {"nodes": [node], "metrics": [metric], "last_updated": at, "interval_sec": 0.1}
            await asyncio.sleep(0.05)

    def get_health(self) -> dict[str, Any] | None:
        return self._newest

    def stop(self) -> None:
        self._ended.set()


class Off:
    """Takes a moment to heal. What it is asked to compare is kept."""

    target, observable = "n", "n is down"

    def __init__(self, machine: Machine, lasts: float) -> None:
        self.config = ChaosConfig("off", ChaosType.CONTAINER_KILL, "Switch it off", lasts)
        self._machine = machine
        self.asked: list[float] = []

    async def plan(self) -> Plan:
        return Plan("switch", "n", {}, late_sec=0.0)

    async def inject(self, plan: Plan) -> None:
        self._machine.on = False

    async def heal(self, plan: Plan) -> None:
        await asyncio.sleep(self._machine.heals_in)
        self._machine.on = True

    async def is_healed(self, plan: Plan) -> bool:
        return self._machine.on

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        if health["last_updated"].timestamp() < since:
            return False
        return any(node["health"] == "down" for node in health["nodes"])


Deck = list[Chapter] | Callable[[Stage], list[Chapter]]
DECK: Deck = [Chapter("one", "a"), Chapter("two", "b")]


@asynccontextmanager
async def playing(
    machine: Machine, lasts: float = 0.6, path: Path | None = None, deck: Deck = DECK
) -> AsyncIterator[tuple[Conductor, Poller]]:
    poller, fault = Poller(machine), Off(machine, lasts)
    conductor = Conductor(
        ShowConfig("test", deck, poller, faults=[fault], journal=Journal(path) if path else None), clock=machine.clock()
    )
    task = asyncio.create_task(conductor.run())
    try:
        await reached(conductor, lambda state: state.freshness == "live")
        yield conductor, poller
    finally:
        conductor.stop()
        await asyncio.wait_for(task, SOON)


async def reached(conductor: Conductor, condition: Callable[[ShowState], bool]) -> ShowState:
    assert await conductor.until(condition, SOON), (conductor.state.faults, conductor.state.log)
    return conductor.state


def off(state: ShowState) -> FaultState:
    found = state.fault("off")
    assert found is not None
    return found


async def ask(conductor: Conductor, what: c.Command) -> None:
    await conductor.submit(c.CommandEnvelope("test", what))


@pytest.mark.parametrize("by", STEPS)
@pytest.mark.parametrize("when", ["injected", "seen", "healing", "healed"])
async def test_a_step_of_the_wall_clock_changes_nothing_that_is_measured_of_a_fault(by: float, when: str) -> None:
    machine = Machine()
    conditions: dict[str, Callable[[ShowState], bool]] = {
        "injected": lambda state: off(state).injected_at is not None,
        "seen": lambda state: off(state).detected_after_sec is not None,
        "healing": lambda state: off(state).state == "healing",
        "healed": lambda state: off(state).healed_at is not None,
    }
    async with playing(machine) as (conductor, _):
        conductor.subscribe(lambda state: setattr(machine, "set_by", by if conditions[when](state) else machine.set_by))
        await ask(conductor, c.Inject("off"))
        await reached(conductor, lambda state: off(state).state == "active")
        began = uptime()
        fault = off(await reached(conductor, lambda state: off(state).recovered_after_sec is not None))
        took = uptime() - began
        assert machine.set_by == by
        assert fault.detected_after_sec is not None
        assert fault.recovered_after_sec is not None
        assert 0 <= fault.detected_after_sec < NOISE_SEC
        assert machine.heals_in <= fault.recovered_after_sec < machine.heals_in + NOISE_SEC
        assert 0.5 < took < 0.6 + machine.heals_in + NOISE_SEC, "the fault lasts its own time"


@pytest.mark.parametrize("by", STEPS)
async def test_samples_stay_live_and_their_age_true_through_a_step(by: float) -> None:
    machine = Machine()
    async with playing(machine) as (conductor, _):
        ages: list[float] = []
        fresh: set[str] = set()

        def note(state: ShowState) -> None:
            assert state.sample is not None
            ages.append(conductor.clock() - state.sample.updated_at)
            fresh.add(state.freshness)

        conductor.subscribe(note)
        seq = conductor.state.seq
        machine.set_by = by
        await reached(conductor, lambda state: state.seq > seq + 8)
        assert max(ages) < NOISE_SEC
        assert fresh == {"live"}


@pytest.mark.parametrize("by", STEPS)
async def test_a_poller_that_hangs_looks_old_whatever_the_wall_clock_says(by: float) -> None:
    machine = Machine()
    async with playing(machine) as (conductor, _):
        machine.is_hung = True
        hung_at = conductor.clock()
        machine.set_by = by
        await reached(conductor, lambda state: state.freshness == "stale")
        assert 0.3 - 0.1 <= conductor.clock() - hung_at < 0.3 + NOISE_SEC
        await reached(conductor, lambda state: state.freshness == "unknown")
        assert 1.0 - 0.1 <= conductor.clock() - hung_at < 1.0 + NOISE_SEC
        card = stage_view(conductor.state).cards[0]
        assert card.state == "stale"
        assert conductor.clock() - card.at >= 0.9


async def test_a_poller_that_hands_out_what_is_old_looks_old() -> None:
    machine = Machine()
    async with playing(machine) as (conductor, poller):
        poller.late_sec = 40.0
        state = await reached(conductor, lambda state: state.freshness == "unknown")
        assert state.sample is not None
        assert conductor.clock() - state.sample.updated_at == pytest.approx(40, abs=NOISE_SEC)


@pytest.mark.parametrize("by", STEPS)
async def test_the_talk_s_timer_counts_the_time_that_passed(by: float) -> None:
    machine = Machine()
    async with playing(machine) as (conductor, _):
        await ask(conductor, c.Advance())
        began = conductor.state.timer.runs_since
        assert began is not None
        machine.set_by = by
        await reached(conductor, lambda state: state.seq > 20)
        told = snapshot(conductor.state, "e", {}, now=conductor.clock(), ahead=conductor.clock.ahead)
        assert 0 <= told["timer"]["elapsed_sec"] < SOON
        started = datetime.fromisoformat(told["timer"]["started_at"]).timestamp()
        assert machine.date() - started == pytest.approx(told["timer"]["elapsed_sec"], abs=0.2), (
            "dated as dates are now"
        )
        updated = datetime.fromisoformat(told["health"]["last_updated"]).timestamp()
        assert machine.date() - updated < NOISE_SEC


async def test_what_was_overdue_when_the_machine_woke_is_noticed_at_once() -> None:
    machine = Machine()
    async with playing(machine, lasts=600.0) as (conductor, _):
        await ask(conductor, c.Inject("off"))
        await reached(conductor, lambda state: off(state).state == "active")
        machine.is_hung = True
        woke = uptime()
        machine.slept += 3600
        state = await reached(conductor, lambda state: state.freshness == "unknown")
        await reached(conductor, lambda state: off(state).state in ("healing", "idle"))
        assert uptime() - woke < 2
        assert state.sample is not None
        assert conductor.clock() - state.sample.updated_at > 3500


async def test_a_countdown_that_the_machine_slept_through_is_over() -> None:
    machine = Machine()
    ended = asyncio.Event()

    def deck(stage: Stage) -> list[Chapter]:
        async def count() -> None:
            await stage.countdown(300)
            ended.set()

        return [Chapter("one", "a"), Chapter("two", "b", on_enter=count)]

    async with playing(machine, deck=deck) as (conductor, _):
        await ask(conductor, c.Advance())
        await reached(conductor, lambda state: state.countdown_ends_at is not None)
        machine.slept += 400
        await asyncio.wait_for(ended.wait(), 3)


@pytest.mark.parametrize("by", STEPS)
async def test_a_server_that_starts_again_after_a_step_goes_on_with_the_time_of_the_show(
    tmp_path: Path, by: float
) -> None:
    machine = Machine()
    async with playing(machine, path=tmp_path / "j") as (conductor, _):
        await ask(conductor, c.Advance())
        before, ticked = conductor.state.timer.elapsed(conductor.clock()), uptime()
        newest = conductor.state.log[-1].at
    machine.set_by = by
    async with playing(machine, path=tmp_path / "j") as (again, _):
        elapsed, passed = again.state.timer.elapsed(again.clock()), uptime() - ticked
        assert elapsed - before == pytest.approx(passed, abs=0.2)
        assert [line.at for line in again.state.log] == sorted(line.at for line in again.state.log)
        assert again.clock() >= newest
