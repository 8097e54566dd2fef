"""What was started anew has forgotten: its numbers are unknown, not 0, until it has seen their whole time itself."""

from collections import deque
from typing import Any

import pytest

from demo.clock import CLOCK, uptime
from demo.subjects.cluster.canary import Canary
from demo.subjects.cluster.kv_store import NotDone
from demo.subjects.ratelimiter.accounting import RequestAccounting
from demo.subjects.ratelimiter.ground_truth import Arrival, ObservedArrivals, run_of, truth_of
from demo.subjects.ratelimiter.limits import RateLimit
from demo.subjects.ratelimiter.poller import Poller
from demo.subjects.ratelimiter.verdicts import of_burst
from demo.subjects.request_stats import SPAN_SEC, RollingStats
from tests.support.ratelimiter_system import running, until_async

SEC = 1_000_000
LIMIT = RateLimit("pay-naive", "naive", 2, 10.0, 1.0)
FIRST, AGAIN = ObservedArrivals(), ObservedArrivals(100 * SEC)


def arrivals(*seconds: float) -> list[Arrival]:
    """Each is known to Redis."""
    return [Arrival(int(at * SEC), int(at * SEC), f"{at}", held=True) for at in seconds]


def told(observed: ObservedArrivals, now: float, *seconds: float) -> dict[str, Any]:
    return truth_of(LIMIT, arrivals(*seconds), int(now * SEC), observed, audited=True)


def test_a_first_backend_claims_a_clean_window_for_nothing_came_before_it() -> None:
    counter = told(FIRST, 101.0)
    assert [counter[name] for name in ("admitted", "worst", "ghosts", "counted", "drift")] == [0, 0, 0, 0, 0]


def test_a_backend_started_anew_knows_nothing_of_a_window_that_it_did_not_see() -> None:
    counter = told(AGAIN, 105.0, 104.0)
    names = ("admitted", "worst", "ghosts", "admitted_30s", "counted", "drift")
    assert [counter[name] for name in names] == [None] * len(names)


@pytest.mark.parametrize(
    ("now", "known"),
    [(110.9, set()), (111.0, {"admitted"}), (130.0, {"admitted", "admitted_30s", "counted", "drift"})],
)
def test_each_number_is_known_again_once_its_own_time_was_seen(now: float, known: set[str]) -> None:
    counter = told(AGAIN, now)
    names = {"admitted", "worst", "ghosts", "admitted_30s", "counted", "drift"}
    assert {name for name in names if counter[name] is not None} == known
    assert {name for name in names if told(AGAIN, 140.0)[name] is not None} == names


def test_a_ghost_that_was_seen_stands_however_little_was_seen() -> None:
    counter = told(AGAIN, 103.0, 101.0, 101.1, 101.2)
    assert (counter["ghosts"], counter["admitted"]) == (1, None)
    lost = [Arrival(101 * SEC, 101 * SEC, "lost")]
    assert truth_of(LIMIT, lost, 103 * SEC, AGAIN, audited=True)["drift"] == 1


def test_of_a_run_that_began_soon_after_a_backend_nothing_can_be_said() -> None:
    keys = [run_of(LIMIT, [], 105 * SEC, 112 * SEC, AGAIN, audited=True)]
    assert (keys[0]["ghosts"], keys[0]["drift"], keys[0]["drift_in_windows"]) == (None, 0, None)
    exact = {**keys[0], "key": "pay-exact"}
    held, why = of_burst([*keys, exact])
    assert held is None
    assert why.startswith("Not measurable")
    late = run_of(LIMIT, [], 110 * SEC, 112 * SEC, AGAIN, audited=True)
    assert (late["ghosts"], late["drift"], late["drift_in_windows"]) == (0, 0, 0)


def test_rates_are_unknown_until_their_seconds_were_seen_and_no_request_failed_of_none() -> None:
    recent = RollingStats()
    recent.add("ok", 0.01)
    assert set(recent.summary().values()) == {None}
    recent._started -= SPAN_SEC
    summary = recent.summary()
    assert (summary["per_sec"], summary["error_percent"], summary["p99_ms"]) == (0.5, 0.0, 10.0)
    silent = RollingStats()
    silent._started -= SPAN_SEC
    assert silent.summary() == {"per_sec": 0.0, "limited_per_sec": 0.0, "error_percent": None, "p99_ms": None}


class Nowhere:
    """A store that confirms nothing."""

    async def put(self, key: str, value: bytes, within_sec: float) -> bool:
        raise NotDone("unreachable")


def test_a_canary_that_confirmed_nothing_before_the_moment_knows_no_outage() -> None:
    canary = Canary(Nowhere())  # type: ignore[arg-type]
    began = uptime()
    canary._confirmed_at = {"key": deque([began + 5, began + 6])}
    assert canary.longest(began) is None
    assert canary.longest(began + 5) == {"sec": pytest.approx(1.0), "began_at": began + 5}


@pytest.mark.anyio
@pytest.mark.system
async def test_a_backend_and_a_traffic_that_were_killed_and_healed_claim_no_clean_seconds() -> None:
    async with running() as system:
        poller = Poller(system.parts, system.settings.limits)
        for part in (system.backend, system.traffic):
            assert part.child is not None
            part.child.kill()
            await part.child.wait()
        await system.heal()

        async def whole() -> bool:
            return not (await poller.poll())["has_issues"]

        await until_async(whole)
        health = poller.get_health()
        assert health is not None
        assert {counter["admitted_30s"] for counter in health["counters"]} == {None}
        assert {counter["ghosts"] for counter in health["counters"] if not counter["ghosts"]} == {None}
        began = (await RequestAccounting(system)(CLOCK())).lives["backend"]
        assert isinstance(began, float)
        account = await RequestAccounting(system)(CLOCK.of_uptime(began) + 1)  # its windows begin before that
        unseen = [key for key in account.keys if key["key"].startswith("pay") and not key["ghosts"]]
        assert {key["ghosts"] for key in unseen} == {None}
