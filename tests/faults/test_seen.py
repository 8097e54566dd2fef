"""When a fault counts as seen, from samples alone; and a lease, from the calls it makes."""

import asyncio
from typing import Any

import pytest

from demo.errors import FaultError
from demo.faults.renewal import Renewal
from demo.subjects.ratelimiter.connection_info import LimiterSettings
from demo.subjects.ratelimiter.faults import faults
from demo.subjects.ratelimiter.limits import EXACT_KEY, NAIVE_KEY
from demo.subjects.ratelimiter.owned_system import OwnedSystem
from tests.support.ratelimiter_system import until

KILL, BURST, PAUSE = faults(OwnedSystem(LimiterSettings()))
NOW = 1_000_000.0


def sample(at: float = NOW, nodes: list[dict[str, Any]] | None = None, **counters: dict[str, Any]) -> dict[str, Any]:
    named = [{"key": key.replace("_", "-"), **values} for key, values in counters.items()]
    return {"sampled_at": at, "nodes": nodes if nodes is not None else [], "counters": named}


@pytest.mark.parametrize(
    ("health", "seen"),
    [("up", False), ("degraded", False), ("down", True), ("starting", True), ("unknown", True)],
)
def test_a_kill_is_seen_while_its_node_is_not_there(health: str, seen: bool) -> None:
    nodes = [{"id": "node-1", "health": "down"}, {"id": "node-2", "health": health}]
    assert KILL.is_seen(sample(nodes=nodes), NOW - 5) is seen


def test_a_killed_node_that_is_missing_from_the_sample_is_seen() -> None:
    assert KILL.is_seen(sample(nodes=[{"id": "node-1", "health": "up"}]), NOW - 5)


@pytest.mark.parametrize(
    ("counter", "seen"),
    [
        ({"ghosts": 3, "ghosts_at": NOW - 1}, True),
        ({"ghosts": 0, "ghosts_at": None}, False),
        ({"ghosts": None, "ghosts_at": None}, False),
        ({"ghosts": 3, "ghosts_at": NOW - 20}, False),
    ],
    ids=["new ghosts", "none", "not measurable", "ghosts of an earlier burst"],
)
def test_a_burst_is_seen_by_new_ghosts_on_the_naive_key(counter: dict[str, Any], seen: bool) -> None:
    assert BURST.is_seen(sample(pay_naive=counter), NOW - 10) is seen
    assert not BURST.is_seen(sample(pay_exact=counter), NOW - 10)
    assert {NAIVE_KEY, EXACT_KEY} == {"pay-naive", "pay-exact"}


def test_ghosts_from_before_do_not_count() -> None:
    assert not BURST.is_seen(sample(pay_naive={"ghosts": 3, "ghosts_at": NOW - 1}), NOW - 0.5)


@pytest.mark.parametrize(
    ("counter", "seen"),
    [
        ({"drift": 9, "drift_at": NOW - 0.3}, True),
        ({"drift": 9, "drift_at": NOW - 3}, False),
        ({"drift": 0, "drift_at": None}, False),
        ({"drift": None, "drift_at": None}, False),
    ],
    ids=["growing", "over", "none", "not audited"],
)
def test_a_pause_is_seen_by_drift_that_grows_on_any_key(counter: dict[str, Any], seen: bool) -> None:
    assert PAUSE.is_seen(sample(login=counter), NOW - 10) is seen


@pytest.mark.anyio
async def test_a_lease_is_renewed_until_it_ends_and_never_after() -> None:
    calls: list[float] = []

    async def renew() -> None:
        await asyncio.sleep(0.005)
        calls.append(asyncio.get_running_loop().time())

    held = Renewal(renew, 60.0, every_sec=0.01)
    await held.begin()
    assert len(calls) == 1
    await until(lambda: len(calls) >= 4)
    await held.end()
    count = len(calls)
    await asyncio.sleep(0.05)
    assert len(calls) == count


@pytest.mark.anyio
async def test_a_lease_is_not_renewed_beyond_the_fault_s_duration() -> None:
    calls = 0

    async def renew() -> None:
        nonlocal calls
        calls += 1

    held = Renewal(renew, 0.03, every_sec=0.01)
    await held.begin()
    await asyncio.sleep(0.2)
    assert 1 <= calls <= 5
    await held.end()


@pytest.mark.anyio
async def test_what_cannot_be_injected_is_said_to_whoever_injects() -> None:
    async def renew() -> None:
        raise FaultError("no answer")

    held = Renewal(renew, 1.0)
    with pytest.raises(FaultError, match="no answer"):
        await held.begin()
    await held.end()
