"""The health dict: what is said of each part, and that one silent part holds nobody up."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import pytest

from demo.clock import CLOCK
from demo.probes.result import Reading
from demo.processes.supervised import SupervisedProcess
from demo.show.health_sample import read_sample
from demo.subjects.ratelimiter.cards import node_card
from demo.subjects.ratelimiter.connection_info import LimiterSettings
from demo.subjects.ratelimiter.limits import LIMITS
from demo.subjects.ratelimiter.owned_system import OwnedSystem
from demo.subjects.ratelimiter.poller import INTERVAL_SEC, Poller, assemble
from demo.subjects.ratelimiter.redis_server import redis_child
from tests.support.ratelimiter_system import running, until, until_async

NODE = {"status": "up", "counting": "shared", "in_flight": 2, "per_sec": 21.54, "error_percent": 0.0, "p99_ms": 12.34}


def part(ident: str = "node-1", kind: str = "node") -> SupervisedProcess:
    """A part that never starts: only its words are asked for."""
    system = OwnedSystem(LimiterSettings())
    found = next(one for one in system.parts if one.kind == kind)
    made = SupervisedProcess(ident, kind, 20_001, found.probe, lambda: redis_child("", 0, ""), ("redis",))
    made.is_starting = False
    return made


def card(kind: str, data: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    return node_card(part(kind=kind), Reading({**data, **changes}))


def test_a_node_that_counts_together_is_up_with_its_numbers_first_the_rate() -> None:
    shown = card("node", NODE)
    assert (shown["health"], shown["detail"]) == ("up", "shared · 12 ms")
    assert list(shown["metrics"].items()) == [("req/s", 21.5), ("p99 ms", 12.3), ("errors %", 0.0), ("in flight", 2.0)]
    assert (shown["address"], shown["links"], shown["type"]) == ("127.0.0.1:20001", ["redis"], "node")


@pytest.mark.parametrize(
    ("counting", "words"),
    [("alone", "alone"), ("not at all", "letting all in"), ("refusing", "refusing all")],
)
def test_a_node_without_redis_is_degraded_not_down_and_says_what_it_does(counting: str, words: str) -> None:
    shown = card("node", NODE, status="degraded", counting=counting)
    assert shown["health"] == "degraded"
    assert shown["detail"].startswith(words)


def test_a_node_without_requests_shows_no_latency_rather_than_zero() -> None:
    shown = card("node", NODE, p99_ms=None)
    assert "p99 ms" not in shown["metrics"]
    assert shown["detail"] == "shared · no requests"


def test_a_silent_part_is_down_with_the_probe_s_words_and_no_old_numbers() -> None:
    silent = part()
    silent.trouble = "could not be started"
    shown = node_card(silent, Reading(trouble="no answer in 400 ms"))
    assert (shown["health"], shown["detail"], shown["metrics"]) == ("down", "could not be started", {})
    silent.is_starting = True
    assert node_card(silent, Reading(trouble="connection refused"))["health"] == "starting"


def test_redis_shows_how_long_a_write_takes_and_its_memory() -> None:
    shown = card("redis", {"write_ms": 0.4321, "memory_bytes": 1_334_000})
    assert list(shown["metrics"].items()) == [("write ms", 0.432), ("memory MB", 1.33)]


def test_an_issue_is_a_part_that_is_not_up_never_a_counter() -> None:
    parts = [part("node-1"), part("backend", "backend")]
    counters = [{"key": "k", "limit": 1, "window_sec": 1.0, "ghosts": 9, "drift": 9, "admitted": 3, "counted": 1}]
    counters[0] |= {"ghosts_uptime": None, "drift_uptime": CLOCK.to_uptime(1000.0)}
    good = [Reading(NODE), Reading({"per_sec": 1.0, "counters": counters})]
    healthy = assemble(parts, good, 1000.0, ())
    assert healthy["has_issues"] is False
    assert healthy["counters"] == [counters[0] | {"ghosts_at": None, "drift_at": 1000.0}]
    assert healthy["last_updated"].timestamp() == pytest.approx(CLOCK.wall(1000.0), abs=0.05)
    broken = assemble(parts, [Reading(trouble="connection refused"), good[1]], 1000.0, ())
    assert broken["has_issues"] is True
    assert broken is not healthy


def test_without_traffic_the_curves_break_instead_of_falling_to_zero() -> None:
    metrics = assemble([part("traffic", "traffic")], [Reading(trouble="connection refused")], 1000.0, LIMITS)["metrics"]
    assert [metric["name"] for metric in metrics] == ["load", "latency", "errors", "rejected"]
    assert [metric["value"] for metric in metrics] == [None] * 4


def test_without_the_backend_the_keys_stay_with_nothing_measured() -> None:
    health = assemble([part("backend", "backend")], [Reading(trouble="connection refused")], 1000.0, LIMITS)
    assert [(counter["key"], counter["limit"]) for counter in health["counters"]] == [(x.key, x.limit) for x in LIMITS]
    for counter in read_sample(health, 1000.0).counters:
        assert (counter.admitted, counter.counted, counter.drift, counter.ghosts) == (None, None, None, None)


@pytest.mark.anyio
@pytest.mark.system
async def test_before_the_start_all_parts_are_starting_and_the_poller_runs() -> None:
    system = OwnedSystem(LimiterSettings())
    poller = Poller(system.parts, system.settings.limits)
    assert poller.get_health() is None
    polling = asyncio.ensure_future(poller.run())
    await until(lambda: poller.get_health() is not None)
    health = poller.get_health()
    assert health is not None
    assert {node["health"] for node in health["nodes"]} == {"starting"}
    assert len(read_sample(health, time.time()).nodes) == 6
    poller.stop()
    await asyncio.wait_for(polling, 1.0)
    await system.stop()


@pytest.mark.anyio
@pytest.mark.system
async def test_a_part_that_hangs_is_down_and_holds_no_other_up() -> None:
    async with running() as system:
        hanging = system.nodes[2].child
        assert hanging is not None
        hanging.suspend()
        started = time.monotonic()
        poller = Poller(system.parts, system.settings.limits)
        health = await poller.poll()
        assert time.monotonic() - started < INTERVAL_SEC + 0.4
        silent = next(node for node in health["nodes"] if node["id"] == "node-3")
        assert (silent["health"], silent["detail"]) == ("down", "no answer in 400 ms")

        async def only_it() -> bool:
            return [n["id"] for n in (await poller.poll())["nodes"] if n["health"] != "up"] == ["node-3"]

        await until_async(only_it)


@pytest.mark.anyio
@pytest.mark.system
async def test_when_redis_forgets_drift_says_so_and_when_it_is_silent_drift_is_unknown() -> None:
    async with running() as system:
        poller = Poller(system.parts, system.settings.limits)

        async def drifts() -> list[int | None]:
            return [counter["drift"] for counter in (await poller.poll())["counters"]]

        ends = time.monotonic() + 10
        while (await poller.poll())["totals"].get("ok", 0) < 40:
            assert time.monotonic() < ends
            await asyncio.sleep(0.05)

        async def audited() -> bool:
            return await drifts() == [0, 0, 0]

        await until_async(audited)
        counted = sum(counter["counted"] for counter in (await poller.poll())["counters"])
        assert counted > 20
        assert system.redis.child is not None
        system.redis.child.kill()
        await system.redis.child.wait()

        async def unknown() -> bool:
            return await drifts() == [None, None, None]

        async def forgotten() -> bool:
            return bool(sum(value or 0 for value in await drifts()) >= counted)

        await until_async(unknown)
        await system.heal()
        await until_async(forgotten)
