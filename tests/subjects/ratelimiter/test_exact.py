"""The exact key under overload: no ghost in three windows, twenty times; and the naive one beside it has some."""

from functools import partial
from typing import Any

import pytest

from demo.subjects.ratelimiter.connection_info import Settings
from demo.subjects.ratelimiter.faults import TrafficOrders
from demo.subjects.ratelimiter.limits import Limit
from tests.support.ratelimiter_system import data_of, running, until_it

pytestmark = [pytest.mark.anyio, pytest.mark.system]

ROUNDS, AT_ONCE, WINDOW_SEC = 5, 4, 1.0
LIMITS = tuple(Limit(f"exact-{n}", "exact", 20, WINDOW_SEC, 1.0) for n in range(ROUNDS * AT_ONCE))
CONTROLS = tuple(Limit(f"naive-{n}", "naive", 20, WINDOW_SEC, 1.0) for n in range(ROUNDS))


async def _is_quiet(traffic: TrafficOrders) -> bool:
    return not await traffic.is_bursting()


async def test_twenty_exact_keys_hold_three_windows_of_overload_without_a_ghost() -> None:
    """Forty requests at once on each key, every second, against a limit of twenty a second."""
    settings = Settings(limits=LIMITS + CONTROLS, redis_timeout_sec=5.0)
    async with running(settings) as system:
        traffic = TrafficOrders(system)
        for n in range(ROUNDS):
            keys = [limit.key for limit in LIMITS[n * AT_ONCE : (n + 1) * AT_ONCE]] + [CONTROLS[n].key]
            await traffic.burst(keys, 40, 3 * WINDOW_SEC + 0.1)
            await until_it(partial(_is_quiet, traffic))
        counters: list[dict[str, Any]] = (await data_of(system.backend))["counters"]
        exact = [counter for counter in counters if counter["algorithm"] == "exact"]
        assert len(exact) == 20
        assert [counter["key"] for counter in exact if counter["ghosts"] != 0] == []
        assert [counter["key"] for counter in exact if counter["drift"] != 0] == []
        assert min(counter["admitted_30s"] for counter in exact) > 2 * 20, "a key was not overloaded for three windows"
        naive = [counter for counter in counters if counter["algorithm"] == "naive"]
        assert max(counter["ghosts"] or 0 for counter in naive) > 0, "the same load races nowhere: it proves nothing"
