"""The three faults on the running system: each shows its effect, is healed, and is verified by a probe."""

import math
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from demo.clock import CLOCK
from demo.errors import FaultError
from demo.faults.process_kill import ProcessKill
from demo.faults.redis_pause import RedisPause
from demo.faults.renewal import TERM_SEC
from demo.faults.traffic_burst import BurstTraffic
from demo.processes.child import Child
from demo.processes.supervised import SupervisedProcess
from demo.show.health_sample import to_json_value
from demo.subjects.ratelimiter.accounting import RequestAccounting
from demo.subjects.ratelimiter.connection_info import LimiterSettings
from demo.subjects.ratelimiter.faults import BURST, KILL, PAUSE, TrafficOrders, faults
from demo.subjects.ratelimiter.limits import EXACT_KEY, NAIVE_KEY
from demo.subjects.ratelimiter.owned_system import OwnedSystem
from demo.subjects.ratelimiter.poller import Poller
from demo.subjects.ratelimiter.verdicts import why_not_comparable
from demo.types import FaultDriver, Plan
from tests.support.ratelimiter_system import QUICK, data_of, heal_and_wait, running, until_async

pytestmark = [pytest.mark.anyio, pytest.mark.system]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """For the whole file, so that a system can outlast a test."""
    return "asyncio"


@pytest.fixture(scope="module")
async def one_for_all() -> AsyncIterator[OwnedSystem]:
    # A quarter of the load: it runs on beside the tests that start their own.
    async with running(LimiterSettings(limits=QUICK, load=0.25)) as system:
        yield system


@pytest.fixture
async def system(one_for_all: OwnedSystem) -> OwnedSystem:
    """The system of all tests that neither need a new one nor leave a fault in it: every part is up."""
    await heal_and_wait(one_for_all)
    return one_for_all


class Watched:
    """A system's newest health, as the conductor hands it to `is_seen`."""

    def __init__(self, system: OwnedSystem) -> None:
        self._poller = Poller(system.parts, system.settings.limits)

    async def health(self) -> dict[str, Any]:
        health: dict[str, Any] = to_json_value(await self._poller.poll())
        return health

    async def card(self, ident: str) -> Mapping[str, Any]:
        return next(node for node in (await self.health())["nodes"] if node["id"] == ident)

    async def counter(self, key: str) -> Mapping[str, Any]:
        return next(counter for counter in (await self.health())["counters"] if counter["key"] == key)

    async def sees(self, driver: FaultDriver, since: float, timeout: float = 10.0) -> None:
        async def seen() -> bool:
            return driver.is_seen(await self.health(), since)

        await until_async(seen, timeout)

    async def sees_no_more(self, driver: FaultDriver, since: float, timeout: float = 15.0) -> None:
        async def gone() -> bool:
            health = await self.health()
            return not driver.is_seen(health, since) and not health["has_issues"]

        await until_async(gone, timeout)


def kill_of(system: OwnedSystem) -> ProcessKill:
    return ProcessKill(KILL, system.nodes[1], system.system_run)


def pause_of(system: OwnedSystem, duration_sec: float = 8.0) -> RedisPause:
    config = replace(PAUSE, duration_sec=duration_sec)
    return RedisPause(config, system.system_run, system.connections.connect, system.redis.current)


BURST_SEC = 30.0


def burst_of(system: OwnedSystem, duration_sec: float = 2.0, multiplier: int = 10) -> BurstTraffic:
    config = replace(BURST, duration_sec=duration_sec, burst_multiplier=multiplier)
    keys, current = (NAIVE_KEY, EXACT_KEY), system.traffic.current
    return BurstTraffic(config, system.system_run, TrafficOrders(system), current, keys, watched=NAIVE_KEY)


async def heal(driver: FaultDriver, plan: Plan) -> None:
    await driver.heal(plan)

    async def healed() -> bool:
        return await driver.is_healed(plan)

    await until_async(healed)


async def test_a_killed_node_is_seen_down_costs_no_request_and_comes_back_on_its_port() -> None:
    async with running() as system:
        watched, driver = Watched(system), kill_of(system)
        assert not driver.is_seen(await watched.health(), 0.0)
        before = (await watched.health())["totals"]
        plan = await driver.plan()
        since = CLOCK.now()
        await driver.inject(plan)
        assert not await driver.is_healed(plan)
        await watched.sees(driver, since)
        assert (await watched.card("node-2"))["detail"] == "killed"

        async def retried() -> bool:
            return bool((await watched.health())["totals"]["retried"] > before["retried"] + 5)

        await until_async(retried)
        with pytest.raises(FaultError, match="node-2 is not running"):
            await driver.plan()
        await heal(driver, plan)
        await driver.heal(plan)
        await watched.sees_no_more(driver, since)
        after = (await watched.health())["totals"]
        assert after["failed"] == before["failed"]
        assert (await watched.card("node-2"))["address"].endswith(str(system.nodes[1].port))


async def test_a_kill_that_comes_too_late_for_its_plan_kills_nobody(system: OwnedSystem) -> None:
    driver = kill_of(system)
    plan = await driver.plan()
    await driver.inject(plan)
    await heal(driver, plan)
    with pytest.raises(FaultError, match="was restarted"):
        await driver.inject(plan)
    assert await system.nodes[1].is_up()


async def test_what_an_earlier_show_killed_or_paused_is_gone_with_it(system: OwnedSystem) -> None:
    for driver in (kill_of(system), pause_of(system)):
        plan = await driver.plan()
        gone = {"show": "an earlier one", "pid": 2**22 + 1, "born": 1, "owner": 2**22 + 2, "owner_born": 1}
        foreign = Plan(plan.kind, plan.target, gone)
        await driver.heal(foreign)
        assert await driver.is_healed(foreign)


async def test_a_killed_node_whose_system_its_owner_has_ended_is_not_broken_any_more() -> None:
    async with running() as system:
        driver = kill_of(system)
        plan = await driver.plan()
        await driver.inject(plan)
        assert not await driver.is_healed(plan)
        await system.stop()
        assert await driver.is_healed(plan)


async def test_a_redis_that_hangs_is_said_not_to_answer(system: OwnedSystem) -> None:
    driver, child = pause_of(system), system.redis.child
    plan = await driver.plan()
    assert child is not None
    assert child.pid is not None
    os.kill(child.pid, signal.SIGSTOP)
    try:
        with pytest.raises(FaultError, match=r"redis did not accept CLIENT .*: no answer"):
            await driver.inject(plan)
    finally:
        os.kill(child.pid, signal.SIGCONT)


async def test_what_runs_but_cannot_be_reached_is_not_called_healed(system: OwnedSystem) -> None:
    driver = kill_of(system)
    plan = await driver.plan()
    alive = Plan(plan.kind, plan.target, {**plan.undo, "show": "an earlier one"})
    with pytest.raises(FaultError, match="cannot be reached from here"):
        await driver.heal(alive)
    assert not await driver.is_healed(alive)


async def test_paused_redis_makes_nodes_count_alone_and_drift_is_measured() -> None:
    async with running() as system:
        watched, driver = Watched(system), pause_of(system)
        before = (await watched.health())["totals"]
        plan = await driver.plan()
        since = CLOCK.now()
        await driver.inject(plan)
        assert not await driver.is_healed(plan)
        with pytest.raises(FaultError, match="does not accept writes"):
            await driver.plan()
        await watched.sees(driver, since)
        redis = await watched.card("redis")
        assert (redis["health"], redis["detail"]) == ("down", "accepts no writes")
        node = await watched.card("node-1")
        assert node["health"] == "degraded"
        assert node["detail"] == "alone"
        counter = await watched.counter(EXACT_KEY)
        assert counter["drift"] == counter["admitted_30s"] - counter["counted"] > 0
        healing = CLOCK.now()
        await heal(driver, plan)
        await driver.heal(plan)
        await watched.sees_no_more(driver, CLOCK.now())
        assert CLOCK.now() - healing < 10
        after = (await watched.health())["totals"]
        assert after["failed"] == before["failed"], "counting alone keeps the shop open"
        assert after["ok"] > before["ok"]


async def test_a_pause_is_renewed_until_healed_and_ends_by_itself_when_nobody_renews_it() -> None:
    async with running() as system:
        driver = pause_of(system, math.inf)
        plan = await driver.plan()
        started = time.monotonic()
        await driver.inject(plan)
        lease, driver._lease = driver._lease, None
        assert lease is not None

        async def healed() -> bool:
            return await driver.is_healed(plan)

        while time.monotonic() - started < TERM_SEC + 0.5:
            assert not await healed(), "an infinite pause ended before it was healed"
        await lease.end()  # as a crash would: nothing is unpaused
        assert not await healed()
        await until_async(healed, TERM_SEC + 1)


async def test_a_burst_shows_ghosts_where_reading_comes_first_and_none_in_one_step_three_times() -> None:
    async with running() as system:
        watched, driver = Watched(system), burst_of(system, BURST_SEC)
        for _ in range(3):
            plan = await driver.plan()
            since = CLOCK.now()
            await driver.inject(plan)
            with pytest.raises(FaultError, match="already"):
                await driver.plan()
            # On a busy machine fewer requests meet: it may take as long as the burst lasts.
            await watched.sees(driver, since, BURST_SEC - 5)
            spread_sec = (await watched.counter(NAIVE_KEY))["spread_sec"]
            peaks = (await data_of(system.traffic))["peaks"]
            assert min(peaks[NAIVE_KEY], peaks[EXACT_KEY]) >= 60
            assert not await driver.is_healed(plan)
            await heal(driver, plan)
            await driver.heal(plan)
            await watched.sees_no_more(driver, CLOCK.now())
            exact, naive = await watched.counter(EXACT_KEY), await watched.counter(NAIVE_KEY)
            assert exact["ghosts"] == exact["drift"] == 0
            # What is certainly over the limit gets less only where delays have begun to vary more.
            assert naive["ghosts"] > 0 or naive["spread_sec"] > spread_sec
            assert naive["drift"] == 0
            assert 0 <= naive["spread_sec"] < naive["window_sec"]


async def test_a_burst_ends_by_itself_in_the_traffic_process(system: OwnedSystem) -> None:
    orders = TrafficOrders(system)
    await orders.burst([NAIVE_KEY], 2, 2.0)
    assert await orders.is_bursting()

    async def quiet() -> bool:
        return not await orders.is_bursting()

    await until_async(quiet)
    with pytest.raises(FaultError, match="status 422"):
        await orders.burst(["made-up"], 2, 1.0)


async def test_without_traffic_a_burst_is_refused_and_one_that_ran_is_over(system: OwnedSystem) -> None:
    driver = burst_of(system)
    plan = await driver.plan()
    await driver.inject(plan)
    assert system.traffic.child is not None
    system.traffic.child.kill()
    await system.traffic.child.wait()
    await heal(driver, plan)
    with pytest.raises(FaultError, match="connection refused"):
        await driver.plan()


def patient_of(system: OwnedSystem, name: str) -> tuple[FaultDriver, SupervisedProcess]:
    """A fault that lasts, and the process it breaks."""
    if name == "redis":
        return pause_of(system, math.inf), system.redis
    return burst_of(system, math.inf, multiplier=1), system.traffic


def process_of(part: SupervisedProcess) -> Child:
    assert part.child is not None
    return part.child


@pytest.mark.parametrize("name", ["redis", "traffic"])
async def test_a_fault_whose_process_was_killed_is_healed_before_and_after_it_is_replaced(
    system: OwnedSystem, name: str
) -> None:
    driver, part = patient_of(system, name)
    plan = await driver.plan()
    await driver.inject(plan)
    process_of(part).kill()
    await driver.heal(plan)  # at once: it may not be reaped yet
    await process_of(part).wait()
    await driver.heal(plan)
    assert await driver.is_healed(plan)
    await system.heal()
    await driver.heal(plan)
    assert await driver.is_healed(plan)


@pytest.mark.parametrize("name", ["redis", "traffic"])
async def test_a_fault_whose_process_hangs_is_healed_once_the_process_is_replaced(
    system: OwnedSystem, name: str
) -> None:
    driver, part = patient_of(system, name)
    plan = await driver.plan()
    await driver.inject(plan)
    process_of(part).suspend()
    with pytest.raises(FaultError):
        await driver.heal(plan)
    assert not await driver.is_healed(plan)
    await system.heal()
    await driver.heal(plan)
    assert await driver.is_healed(plan)


async def ran(system: OwnedSystem, driver: FaultDriver) -> float:
    """One run of a fault, from its injection until it is gone; when it began."""
    watched = Watched(system)
    plan, since = await driver.plan(), CLOCK.now()
    await driver.inject(plan)
    await watched.sees(driver, since)
    await heal(driver, plan)
    await watched.sees_no_more(driver, CLOCK.now())
    return since


async def told_of(system: OwnedSystem, since: float, key: str) -> Mapping[str, Any]:
    """Once the newest arrivals are settled."""

    async def settled() -> bool:
        return CLOCK.now() > since + 0.5

    await until_async(settled)
    return next(told for told in (await RequestAccounting(system)(since)).keys if told["key"] == key)


async def test_a_run_after_a_burst_is_told_nothing_of_its_ghosts() -> None:
    async with running() as system:
        since = await ran(system, burst_of(system, 10.0))
        assert (await told_of(system, since, NAIVE_KEY))["ghosts"] > 0
        assert (await told_of(system, CLOCK.now(), NAIVE_KEY))["ghosts"] <= 1, "only a race of its own may show"
        assert (await told_of(system, since, EXACT_KEY))["ghosts"] == 0
        assert (await Watched(system).counter(NAIVE_KEY))["ghosts"] > 0, "the wall shows the last 30 s"


async def test_a_run_after_a_freeze_is_told_of_its_drift_only_where_that_still_fills_places() -> None:
    async with running() as system:
        since = await ran(system, pause_of(system))
        assert (await told_of(system, since, EXACT_KEY))["drift"] > 0
        next_run = await told_of(system, CLOCK.now(), EXACT_KEY)
        assert next_run["drift"] == 0
        assert next_run["ghosts"] == 0 or next_run["drift_in_windows"] > 0
        assert (await Watched(system).counter(EXACT_KEY))["drift"] > 0, "the wall shows the last 30 s"


@pytest.mark.parametrize("name", ["traffic", "backend", "redis"])
async def test_who_was_started_anew_lives_another_life(system: OwnedSystem, name: str) -> None:
    ask = RequestAccounting(system)
    before = await ask(CLOCK.now())
    assert set(before.lives) == {"traffic", "backend", "redis"}
    assert why_not_comparable(before.lives, (await ask(CLOCK.now())).lives) is None
    part = next(part for part in system.parts if part.id == name)
    process_of(part).kill()
    await process_of(part).wait()
    assert name not in (await ask(CLOCK.now())).lives
    await system.heal()
    after = await ask(CLOCK.now())
    changed = {who for who in before.lives if before.lives[who] != after.lives.get(who)}
    assert changed == {name}
    assert why_not_comparable(before.lives, after.lives) is not None


async def test_of_what_lies_too_far_back_nothing_is_told(system: OwnedSystem) -> None:
    for key in (await RequestAccounting(system)(CLOCK.now() - 60)).keys:
        assert (key["ghosts"], key["drift"], key["drift_in_windows"]) == (None, None, None)


async def test_each_fault_names_its_target_and_what_should_become_visible() -> None:
    system = OwnedSystem(LimiterSettings())
    drivers = faults(system)
    assert [driver.config.name for driver in drivers] == ["kill-node", "burst", "pause-redis"]
    assert [driver.target for driver in drivers] == ["node-2", f"{NAIVE_KEY} and {EXACT_KEY}", "redis"]
    assert all(driver.observable for driver in drivers)
    with pytest.raises(FaultError):
        await drivers[0].plan()
    with pytest.raises(FaultError):
        await drivers[2].plan()
    await system.stop()
