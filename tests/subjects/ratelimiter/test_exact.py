"""The exact key under overload: no ghost in three windows, twenty times; and the naive one beside it has some."""

from functools import partial
from typing import Any

import pytest

from demo.subjects.ratelimiter.connection_info import LimiterSettings
from demo.subjects.ratelimiter.faults import TrafficOrders
from demo.subjects.ratelimiter.limits import RateLimit
from demo.subjects.ratelimiter.owned_system import OwnedSystem
from tests.support.ratelimiter_system import data_of, running, until_async

pytestmark = [pytest.mark.anyio, pytest.mark.system]

ROUNDS, AT_ONCE, WINDOW_SEC, BURSTS = 5, 4, 1.0, 5
LIMITS = tuple(RateLimit(f"exact-{n}", "exact", 20, WINDOW_SEC, 1.0) for n in range(ROUNDS * AT_ONCE))
CONTROLS = tuple(RateLimit(f"naive-{n}", "naive", 20, WINDOW_SEC, 1.0) for n in range(ROUNDS))


async def _is_quiet(traffic: TrafficOrders) -> bool:
    return not await traffic.is_bursting()


async def _overload(system: OwnedSystem, keys: set[str]) -> list[dict[str, Any]]:
    """Send forty requests at once on each key, every second, against a limit of twenty; return their counters.

    A burst lasts three windows; on a busy machine fewer of them may be full, and the load goes on until three were.
    """
    traffic = TrafficOrders(system)
    for _ in range(BURSTS):
        await traffic.burst(sorted(keys), 40, 3 * WINDOW_SEC + 0.1)
        await until_async(partial(_is_quiet, traffic))
        counters = [counter for counter in (await data_of(system.backend))["counters"] if counter["key"] in keys]
        admitted = [counter["admitted_30s"] for counter in counters if counter["algorithm"] == "exact"]
        if min(admitted) > 2 * 20:
            return counters
    raise AssertionError(f"never three full windows within 30 s: {admitted}")


async def test_twenty_exact_keys_hold_three_windows_of_overload_without_a_ghost() -> None:
    counters: list[dict[str, Any]] = []
    async with running(LimiterSettings(limits=LIMITS + CONTROLS, redis_timeout_sec=5.0)) as system:
        for n in range(ROUNDS):
            limits = (*LIMITS[n * AT_ONCE : (n + 1) * AT_ONCE], CONTROLS[n])
            counters += await _overload(system, {limit.key for limit in limits})
    exact = [counter for counter in counters if counter["algorithm"] == "exact"]
    assert len(exact) == 20
    assert [counter["key"] for counter in exact if counter["ghosts"] != 0] == []
    assert [counter["key"] for counter in exact if counter["drift"] != 0] == []
    naive = [counter for counter in counters if counter["algorithm"] == "naive"]
    assert max(counter["ghosts"] or 0 for counter in naive) > 0, "the same load races nowhere: it proves nothing"
