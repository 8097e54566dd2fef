"""Faults in a real conductor: what drivers and decks are handed, and targets that come back without a heal of ours."""

import asyncio
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from demo.conductor import Conductor
from demo.errors import FaultError
from demo.journal import Journal
from demo.show import ShowState
from demo.show import commands as c
from demo.types import Chapter, Plan, Stage
from demo.views.banners import banners
from demo.views.state_json import snapshot
from tests.conductor.test_conductor import SOON, THREE, Switch, System, ask, playing, reached

pytestmark = pytest.mark.anyio


class Dated(System):
    """Dates its samples as it is told to."""

    def __init__(self, date: Any) -> None:
        super().__init__()
        self.date = date
        self.polls = self.dated

    def dated(self) -> Mapping[str, Any]:
        return {**self.look(), "last_updated": self.date()}


@pytest.mark.parametrize(
    "date",
    [
        lambda: datetime.now(timezone(timedelta(hours=5, minutes=30))),
        lambda: datetime.now(UTC).isoformat(),
        datetime.now,
        lambda: None,
    ],
    ids=["aware", "its text", "naive", "none"],
)
async def test_drivers_and_decks_get_last_updated_as_an_aware_datetime(date: Any) -> None:
    got: list[Any] = []

    class Dating(Switch):
        def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
            got.append(health["last_updated"])
            return health["last_updated"].timestamp() > since and super().is_seen(health, since)

    def dated(health: Mapping[str, Any]) -> bool:
        got.append(health["last_updated"])
        return True

    def deck(stage: Stage) -> list[Chapter]:
        async def act() -> None:
            assert await stage.wait_until(dated, SOON)
            got.append((stage.health() or {})["last_updated"])

        return [Chapter("one", "a", on_enter=act), *THREE[1:]]

    system = Dated(date)
    async with playing(deck, Dating(system), system=system) as conductor:
        state = await reached(conductor, lambda state: state.action.status in ("done", "failed"))
        assert state.action.error is None
        assert not [line.text for line in state.log if line.level == "error"]
    now = datetime.now(UTC)
    assert len(got) >= 3
    assert all(isinstance(one, datetime) and one.tzinfo is not None for one in got)
    assert all(abs((now - one).total_seconds()) < SOON for one in got)


# Targets that come back without a heal of ours.


async def broken(conductor: Conductor, system: "Watched") -> None:
    """The fault is in place, and the driver's own look has seen it so."""
    await reached(conductor, lambda state: state.freshness == "live")
    await ask(conductor, c.Inject("off"))
    await reached(conductor, lambda state: state.faults[0].detected_after_sec is not None)
    looked = system.looks
    await until(lambda: system.looks > looked + 1)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not condition():  # noqa: ASYNC110 - what is waited for says nothing
            await asyncio.sleep(0.01)


class Watched(System):
    """Counts the driver's looks at it."""

    looks = 0


class Looking(Switch):
    system: Watched

    async def is_healed(self, plan: Plan) -> bool:
        self.system.looks += 1
        return await super().is_healed(plan)


async def test_a_target_that_somebody_brings_back_ends_its_fault_and_no_heal_claims_it(tmp_path: Path) -> None:
    system = Watched()
    switch = Looking(system, duration=math.inf)
    async with playing(THREE, switch, system=system, journal=Journal(tmp_path / "j")) as conductor:
        await broken(conductor, system)
        system.up = True
        state = await reached(conductor, lambda state: state.faults[0].state == "idle")
        fault = state.faults[0]
        assert fault.came_back_after_sec is not None
        assert fault.detected_after_sec is not None
        assert fault.came_back_after_sec > fault.detected_after_sec
        word = f"came back by itself after {fault.came_back_after_sec:.1f} s"
        assert any(line.text == f"off {word}" for line in state.log)
        assert not any("healed" in line.text for line in state.log)
        assert word in " ".join(banner.text for banner in banners(state))
        told = snapshot(state, "e", {})["chaos"][0]
        assert told["came_back_after_sec"] == fault.came_back_after_sec
        assert await conductor.journal.pending() == []
        await ask(conductor, c.Heal("off"))
        newest = state.sample.updated_at if state.sample else 0.0
        state = await reached(conductor, lambda state: bool(state.sample and state.sample.updated_at > newest))
        assert state.faults[0].recovered_after_sec is None
        assert [line.text for line in state.log if "recovered" in line.text] == []
    async with playing(THREE, switch, system=system, journal=Journal(tmp_path / "j")) as again:
        assert again.state.faults[0].came_back_after_sec == fault.came_back_after_sec


async def test_a_heal_right_behind_the_return_claims_no_recovery() -> None:
    """Before the watch has made sure of it: the heal itself looks at what it is about to undo."""
    system = Watched()
    async with playing(THREE, Looking(system, duration=math.inf), system=system) as conductor:
        await broken(conductor, system)
        system.up = True
        await ask(conductor, c.Heal("off"))
        state = await reached(conductor, lambda state: state.faults[0].has_ended)
        assert state.faults[0].recovered_after_sec is None
        assert state.faults[0].came_back_after_sec is not None


async def test_a_deck_that_waits_for_the_recovery_of_what_came_back_does_not_wait_in_vain() -> None:
    system = Watched()
    found: list[object] = []

    def deck(stage: Stage) -> list[Chapter]:
        async def act() -> None:
            await stage.inject("off")
            await stage.wait_until(lambda health: stage.measured("off").detected_after_sec is not None, SOON)
            looked = system.looks
            await until(lambda: system.looks > looked + 1)
            system.up = True
            found.append(await stage.wait_recovered("off", 60.0))
            found.append(stage.measured("off").came_back_after_sec)

        return [Chapter("one", "a", on_enter=act), *THREE[1:]]

    async with playing(deck, Looking(system, duration=math.inf), system=system) as conductor:
        await reached(conductor, lambda state: state.action.status == "done")
        assert found[0] is False
        assert found[1] is not None


async def looked_at(conductor: Conductor, system: Watched, times: int) -> ShowState:
    """After so many more looks, and the samples of as many seconds."""
    looks = system.looks
    await until(lambda: system.looks >= looks + times)
    return conductor.state


async def test_what_its_driver_never_sees_broken_is_not_ended() -> None:
    """A fault that is healed the moment it is injected, like a burst: only its time or a heal ends it."""

    class Burst(Looking):
        async def inject(self, plan: Plan) -> None: ...

        async def is_healed(self, plan: Plan) -> bool:
            self.system.looks += 1
            return True

    system = Watched()
    async with playing(THREE, Burst(system, duration=math.inf), system=system) as conductor:
        await reached(conductor, lambda state: state.freshness == "live")
        await ask(conductor, c.Inject("off"))
        state = await looked_at(conductor, system, 6)
        assert state.faults[0].state == "active"
        await ask(conductor, c.Heal("off"))
        state = await reached(conductor, lambda state: state.faults[0].has_ended)
        assert state.faults[0].came_back_after_sec is None
        assert any("no effect seen" in line.text for line in state.log)


async def test_what_the_samples_still_show_broken_is_not_ended_though_its_driver_sees_nothing_any_more() -> None:
    """A container that was removed is nothing to heal for its driver, and missing on the wall."""

    class Gone(Looking):
        gone = False

        async def is_healed(self, plan: Plan) -> bool:
            return await super().is_healed(plan) or self.gone

    system = Watched()
    switch = Gone(system, duration=math.inf)
    async with playing(THREE, switch, system=system) as conductor:
        await broken(conductor, system)
        switch.gone = True
        state = await looked_at(conductor, system, 5)
        assert state.faults[0].state == "active"
        assert state.faults[0].came_back_after_sec is None


async def test_one_look_that_sees_it_healed_does_not_end_a_fault_that_is_in_place() -> None:
    class Flickering(Looking):
        async def is_healed(self, plan: Plan) -> bool:
            healed = await super().is_healed(plan)
            return healed or self.system.looks % 2 == 0

    system = Watched()
    # Without a poller, whose samples would show it too.
    async with playing(THREE, Flickering(system, duration=math.inf)) as conductor:
        await ask(conductor, c.Inject("off"))
        state = await looked_at(conductor, system, 6)
        assert state.faults[0].state == "active"


async def test_a_fault_that_ends_just_before_its_time_has_recovered_like_any_other() -> None:
    """One that holds for a time of its own, as a pause of Redis does, and a little less than the show's."""
    system = Watched()
    async with playing(THREE, Looking(system, duration=2.0), system=system) as conductor:
        await broken(conductor, system)
        injected = conductor.state.faults[0].injected_at or 0.0
        await until(lambda: conductor.clock() > injected + 1.5)
        system.up = True
        state = await reached(conductor, lambda state: state.faults[0].has_ended)
        assert state.faults[0].recovered_after_sec is not None
        assert state.faults[0].came_back_after_sec is None


async def test_a_target_that_is_back_before_anybody_sees_it_broken_is_told_by_its_driver() -> None:
    """A restart policy that is quicker than the first look: the driver sees that the deed was done."""

    class Quick(Looking):
        async def inject(self, plan: Plan) -> None:
            await super().inject(plan)
            self.system.up = True

        async def has_landed(self, plan: Plan) -> bool:
            return "inject" in self.steps

    system = Watched()
    async with playing(THREE, Quick(system, duration=math.inf), system=system) as conductor:
        await reached(conductor, lambda state: state.freshness == "live")
        await ask(conductor, c.Inject("off"))
        state = await reached(conductor, lambda state: state.faults[0].came_back_after_sec is not None)
        assert any("off came back by itself after" in line.text for line in state.log)
        await reached(conductor, lambda state: state.faults[0].state == "idle")


async def test_a_look_that_hangs_or_fails_ends_no_fault_and_keeps_no_heal_waiting() -> None:
    class Hanging(Looking):
        hanging = True

        async def is_healed(self, plan: Plan) -> bool:
            if self.hanging and "heal" not in self.steps:
                self.system.looks += 1
                if self.system.looks % 2:
                    raise FaultError("nobody answers")
                await asyncio.Event().wait()
            return await super().is_healed(plan)

    system = Watched()
    async with playing(THREE, Hanging(system, duration=math.inf), system=system) as conductor:
        await reached(conductor, lambda state: state.freshness == "live")
        await ask(conductor, c.Inject("off"))
        await until(lambda: system.looks > 1)
        began = asyncio.get_running_loop().time()
        await ask(conductor, c.Heal("off"))
        state = await reached(conductor, lambda state: state.faults[0].has_ended)
        assert asyncio.get_running_loop().time() - began < 2.0
        assert state.faults[0].recovered_after_sec is not None
