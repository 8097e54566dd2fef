"""The rate limiter as a whole, with real processes: it starts, tells the truth, and leaves nothing behind."""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from demo.errors import SubjectError
from demo.processes.child import ROOT
from demo.processes.supervised import SupervisedProcess
from demo.subjects.ratelimiter.connection_info import LimiterSettings
from demo.subjects.ratelimiter.limits import LIMITS, RateLimit
from demo.subjects.ratelimiter.owned_system import OwnedSystem
from demo.subjects.ratelimiter.poller import Poller
from demo.subjects.ratelimiter.redis_server import candidates, find_server, version_of
from tests.support.ratelimiter_system import (
    QUICK,
    data_of,
    heal_and_wait,
    is_running,
    running,
    signed_headers,
    until,
    until_async,
)

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


async def test_it_starts_all_green_and_refuses_what_is_over_a_limit_with_no_ghost_and_no_drift() -> None:
    async with running(LimiterSettings()) as system:
        poller = Poller(system.parts, system.settings.limits)
        health: dict[str, Any] = {}

        async def all_up_and_refused_some() -> bool:
            health.update(await poller.poll())
            return not health["has_issues"] and health["totals"]["limited"] >= 3

        await until_async(all_up_and_refused_some, 20)
        assert [node["id"] for node in health["nodes"]] == ["redis", "node-1", "node-2", "node-3", "backend", "traffic"]
        assert {counter["key"] for counter in health["counters"]} == {limit.key for limit in LIMITS}
        assert all(counter["ghosts"] == counter["drift"] == 0 for counter in health["counters"])
        assert all(counter["admitted"] <= counter["limit"] for counter in health["counters"])
        assert health["totals"]["failed"] == 0


@pytest.mark.parametrize("ident", ["redis", "node-2", "backend", "traffic"])
async def test_a_part_that_dies_unasked_stays_down_until_somebody_heals(system: OwnedSystem, ident: str) -> None:
    part = next(part for part in system.parts if part.id == ident)
    assert part.child is not None
    assert part.child.pid is not None
    dead = part.child.pid
    part.child.kill()
    await part.child.wait()
    poller = Poller(system.parts, system.settings.limits)
    for _ in range(5):
        card = next(node for node in (await poller.poll())["nodes"] if node["id"] == ident)
        assert (card["health"], card["detail"], card["metrics"]) == ("down", "killed", {})
        await asyncio.sleep(0.1)
    await system.heal()
    assert part.child.pid != dead

    async def whole() -> bool:
        return not (await poller.poll())["has_issues"]

    await until_async(whole)


async def test_healing_what_is_whole_restarts_nothing_and_a_part_that_hangs_is_replaced(system: OwnedSystem) -> None:
    before = [part.child for part in system.parts]
    await system.heal()
    assert [part.child for part in system.parts] == before
    hanging = system.nodes[0].child
    assert hanging is not None
    hanging.suspend()
    await system.heal()
    assert system.nodes[0].child is not hanging
    assert not hanging.is_alive
    await until_async(system.nodes[0].is_up)


async def test_stopping_ends_and_reaps_everything_soon_and_twice_is_safe() -> None:
    system = OwnedSystem(LimiterSettings())
    await system.start()
    pids = [part.child.pid for part in system.parts if part.child is not None]
    assert len(pids) == 6
    started = time.monotonic()
    await system.stop()
    assert time.monotonic() - started < 3.0
    assert [pid for pid in pids if pid is not None and is_running(pid)] == []
    await system.stop()


def seen_by_others(pid: int) -> bytes:
    return b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))


def names_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def directory_of(pid: int | None) -> Path:
    return Path(f"/proc/{pid}/cwd").readlink()


async def test_no_secret_is_on_a_command_line_in_an_environment_or_left_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    async with running() as system:
        assert names_in(tmp_path) == []
        assert system.redis.child is not None
        assert directory_of(system.redis.child.pid) == Path("/")
        for part in system.parts:
            assert part.child is not None
            assert part.child.pid is not None
            seen = seen_by_others(part.child.pid)
            assert system.token.encode() not in seen
            assert system.connection_info.password.encode() not in seen


async def test_the_load_can_be_set() -> None:
    limits = (RateLimit("own", "exact", 1000, 1.0, 10.0),)
    async with running(LimiterSettings(limits=limits, load=8.0)) as system:

        async def is_high() -> bool:
            return ((await data_of(system.traffic))["per_sec"] or 0) > 60  # not known at once

        await until_async(is_high)


async def test_stopping_while_it_starts_leaves_no_process() -> None:
    system = OwnedSystem(LimiterSettings())
    starting = asyncio.ensure_future(system.start())
    await until(lambda: any(part.child is not None and part.child.is_alive for part in system.parts))
    await system.stop()
    with pytest.raises(SubjectError, match=r"was stopped|ended while starting"):
        await starting
    assert not any(part.child.is_alive for part in system.parts if part.child is not None)


async def test_never_started_is_stopped_without_a_word() -> None:
    await OwnedSystem(LimiterSettings()).stop()


SHOW = """
import asyncio, sys
sys.path.insert(0, {root!r})
from demo.subjects.ratelimiter.owned_system import OwnedSystem
from demo.subjects.ratelimiter.connection_info import LimiterSettings
async def main():
    system = OwnedSystem(LimiterSettings())
    await system.start()
    print(*(part.child.pid for part in system.parts), flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


STARTING = """starting = asyncio.ensure_future(system.start())
    while system.redis.child is None or system.redis.child.pid is None:
        await asyncio.sleep(0)
    print(system.redis.child.pid, flush=True)
    await starting"""


async def test_no_process_outlives_a_show_that_is_killed() -> None:
    show = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SHOW.format(root=str(ROOT)), stdout=asyncio.subprocess.PIPE
    )
    assert show.stdout is not None
    pids = [int(word) for word in (await show.stdout.readline()).split()]
    assert len(pids) == 6
    assert all(is_running(pid) for pid in pids)
    show.kill()
    await show.wait()
    await until(lambda: not any(is_running(pid) for pid in pids), 3.0)


async def test_a_show_killed_while_it_starts_leaves_no_file_and_no_process(tmp_path: Path) -> None:
    """At any moment: here as soon as the first process is there."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    code = SHOW.format(root=str(ROOT)).replace("await system.start()", STARTING)
    show = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, env=environment, cwd=tmp_path
    )
    assert show.stdout is not None
    pid = int(await show.stdout.readline())
    show.kill()
    await show.wait()
    await until(lambda: not is_running(pid), 3.0)
    assert names_in(tmp_path) == []


async def test_a_stranger_on_loopback_can_neither_ask_a_node_nor_order_a_burst(system: OwnedSystem) -> None:
    async with aiohttp.ClientSession() as stranger:
        for port, path in [(system.nodes[0].port, "/check/search"), (system.traffic.port, "/burst")]:
            async with stranger.post(system.connections.url(port) + path, json={}) as answer:
                assert answer.status == 403
        node, path = system.nodes[0], "/check/made-up"
        headers = signed_headers(system, node, path)
        async with stranger.post(system.connections.url(node.port) + path, headers=headers) as answer:
            assert answer.status == 404


async def test_limits_are_the_server_s_and_hold_whoever_asks() -> None:
    limits = (RateLimit("own", "exact", 7, 30.0, 0.001),)
    async with (
        running(LimiterSettings(limits=limits, redis_timeout_sec=5.0)) as system,
        aiohttp.ClientSession() as caller,
    ):

        async def ask(node: SupervisedProcess) -> int:
            path = "/check/own?limit=1000"
            headers = {**signed_headers(system, node, path), "X-Limit": "1000"}
            async with caller.post(f"{system.connections.url(node.port)}{path}", headers=headers) as answer:
                return answer.status

        statuses = await asyncio.gather(*(ask(node) for node in [*system.nodes] * 10))
        assert sorted(statuses) == [200] * 7 + [429] * 23


@pytest.mark.parametrize(("fallback", "status"), [("open", 200), ("closed", 503), ("local", 429)])
async def test_without_redis_a_node_does_as_configured_and_says_so(fallback: str, status: int) -> None:
    limits = (RateLimit("own", "exact", 2, 30.0, 0.001),)
    settings = LimiterSettings(fallback=fallback, limits=limits)
    async with running(settings) as system, aiohttp.ClientSession() as caller:
        assert system.redis.child is not None
        system.redis.child.kill()
        node, path = system.nodes[0], "/check/own"
        statuses = []
        for _ in range(4):
            headers = signed_headers(system, node, path)
            async with caller.post(system.connections.url(node.port) + path, headers=headers) as answer:
                statuses.append(answer.status)
        assert statuses[-1] == status
        said = await data_of(system.nodes[0])
        words = {"open": "not at all", "closed": "refusing", "local": "alone"}
        assert (said["status"], said["counting"]) == ("degraded", words[fallback])


def test_a_machine_without_a_redis_is_told_the_one_command() -> None:
    with pytest.raises(SubjectError, match=r"redis-server of 6\.2 or newer and found none\. Install one: \S+"):
        find_server([])


def test_a_redis_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=6.0.16 sha=00000000:0'\n")
    old.chmod(0o755)
    assert version_of(str(old)) == (6, 0)
    good = candidates()[0]
    assert find_server([str(old), str(tmp_path / "missing"), good]) == good
    with pytest.raises(SubjectError, match=r"found only redis-server 6\.0"):
        find_server([str(old)])
