"""Who answers on a part's port must be the part: a stranger there is never green, never healed, and told no secret."""

import asyncio
import contextlib
import gc
import json
import os
import socket
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from demo.errors import FaultError, SubjectError
from demo.findings import Finding
from demo.probes.http import STRANGER
from demo.probes.result import Reading
from demo.processes.child import Child
from demo.processes.port_owner import PortOwner, taken_by
from demo.processes.ports import free_ports
from demo.processes.supervised import SupervisedProcess
from demo.subjects.ratelimiter.connection_info import LimiterSettings
from demo.subjects.ratelimiter.doctor import examine_own
from demo.subjects.ratelimiter.faults import faults
from demo.subjects.ratelimiter.limits import LIMITS
from demo.subjects.ratelimiter.owned_system import OwnedSystem
from demo.subjects.ratelimiter.poller import Poller, assemble
from demo.subjects.ratelimiter.redis_server import find_server
from tests.support.ratelimiter_system import running, until, until_async
from tests.support.tcp_gate import wait_for_accepted_connections

pytestmark = pytest.mark.anyio

ANSWERS = {
    "nothing": b"{}",
    "a node's own words": b'{"per_sec": 9999, "p99_ms": 0.1, "counting": "shared", "status": "up"}',
    "wrong types": b'{"per_sec": "many", "p99_ms": [1], "counting": {"a": 1}, "status": 7}',
    "no number": b'{"per_sec": NaN}',
    "a page": b"<html>hi</html>",
    "much": b'{"a": "' + b"x" * 3_000_000 + b'"}',
}


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Parts connect to a stranger all the time: one that comes as it goes is closed here, without a word."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


class Stranger:
    """Takes a port, notes all that it is told, and answers each request with the same bytes."""

    def __init__(self, port: int, body: bytes) -> None:
        self.port, self.body, self.heard = port, body, b""
        self.open: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        try:
            await self.answer(reader, writer)
        finally:
            writer.transport.abort()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(65_536):
                self.heard += chunk
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(self.body)}\r\n\r\n"
                writer.write(head.encode() + self.body)
                await writer.drain()


@asynccontextmanager
async def stranger_on(port: int, body: bytes = b"{}") -> AsyncIterator[Stranger]:
    stranger = Stranger(port, body)
    server = await asyncio.start_server(stranger.serve, "127.0.0.1", port)
    try:
        yield stranger
    finally:
        server.close()
        await wait_for_accepted_connections()
        for writer in stranger.open:
            writer.transport.abort()
        await asyncio.sleep(0)


async def killed(part: SupervisedProcess) -> None:
    assert part.child is not None
    part.child.kill()
    await part.child.wait()


def card_of(health: dict[str, Any], ident: str) -> dict[str, Any]:
    found: dict[str, Any] = next(node for node in health["nodes"] if node["id"] == ident)
    return found


@pytest.mark.system
async def test_a_stranger_on_a_dead_node_s_port_is_never_green_never_healed_and_is_told_no_secret() -> None:
    async with running() as system:
        kill, poller, node = faults(system)[0], Poller(system.parts, system.settings.limits), system.nodes[1]
        plan = await kill.plan()
        await kill.inject(plan)
        async with stranger_on(node.port) as stranger:
            for words, stranger.body in ANSWERS.items():
                card = card_of(await poller.poll(), node.id)
                assert (card["health"], card["metrics"]) == ("down", {}), words
                assert not await kill.is_healed(plan)
                with pytest.raises(FaultError, match=f"port {node.port} is used by .*process {os.getpid()}"):
                    await kill.heal(plan)
                assert "is used by" in card_of(await poller.poll(), node.id)["detail"]
            await until(lambda: b"/check/" in stranger.heard)
            for secret in (system.token, system.connection_info.password):
                assert secret.encode() not in stranger.heard
        await kill.heal(plan)
        assert await kill.is_healed(plan)


@pytest.mark.system
async def test_a_stranger_s_redis_on_our_port_is_not_ours_whatever_it_lets_in_and_gets_no_password() -> None:
    async with running() as system:
        await killed(system.redis)
        redis = Child("stranger", (find_server(), "--port", str(system.redis.port), "--save", ""))
        await redis.start()
        try:
            await until(lambda: "Ready to accept" in redis.tail)
            pause, poller = faults(system)[2], Poller(system.parts, system.settings.limits)
            card = card_of(await poller.poll(), "redis")
            assert (card["health"], card["detail"]) == ("down", "killed")
            with pytest.raises(FaultError, match="heal it first"):
                await pause.plan()
            with pytest.raises(SubjectError, match=f"redis: port {system.redis.port} is used by redis-server"):
                await system.heal()
        finally:
            await redis.stop()
        async with stranger_on(system.redis.port) as stranger:
            # The nodes and the backend look for Redis all the time.
            for _ in range(3):
                assert not (await system.redis.probe.read()).ok

            async def is_told() -> bool:
                # On a busy machine a look may take longer than it may, and then says just that.
                return (await system.redis.probe.read()).trouble == STRANGER

            await until_async(is_told)
            assert stranger.heard == b""


async def test_an_answer_of_the_part_s_own_port_counts_only_with_the_token_of_this_show() -> None:
    """As of another show's node: it lives, it answers, and it is not ours."""
    system = OwnedSystem(LimiterSettings())
    probe = system.connections.probe("node-1")
    async with stranger_on(system.nodes[0].port, ANSWERS["a node's own words"]):
        assert (await probe.read()).trouble == STRANGER
    await system.stop()


def test_only_the_owner_s_child_is_taken_for_ours() -> None:
    with listening() as port:
        assert PortOwner(port, os.getppid()).is_ours()
        assert not PortOwner(port, os.getpid()).is_ours()
        assert f"port {port} is used by " in taken_by(port)
        assert str(os.getpid()) in taken_by(port)


@contextmanager
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", free_ports(1)[0])) as server:
        yield server.getsockname()[1]


@pytest.mark.system
async def test_ports_that_are_taken_are_refused_before_anything_starts_by_serve_and_by_doctor() -> None:
    with listening() as port:
        system = OwnedSystem(LimiterSettings(base_port=port))
        with pytest.raises(SubjectError, match=rf"port {port} is used by .*{os.getpid()}.* --base-port"):
            await asyncio.to_thread(system.check)
        found: list[Finding] = [finding for finding in await examine_own(port) if finding.what == "its ports"]
        assert found[0].verdict == "no"
        assert f"port {port} is used by" in found[0].found
        assert str(os.getpid()) in found[0].found


def test_one_malformed_answer_costs_one_card_never_the_poller() -> None:
    system = OwnedSystem(LimiterSettings())
    odd: list[dict[str, Any]] = [
        {},
        json.loads(ANSWERS["wrong types"]),
        {"per_sec": 1e400, "p99_ms": -1e400, "counting": None},
        {"memory_bytes": "big", "write_ms": {}, "counters": 7, "totals": [1], "limited_per_sec": "x"},
        {"counters": [1, None, {"key": 5, "ghosts": "many"}], "totals": 3, "per_sec": True, "bursting": 1},
    ]
    for data in odd:
        health = assemble(system.parts, [Reading(data)] * len(system.parts), 1000.0, LIMITS)
        assert len(health["nodes"]) == len(system.parts)
        for node in health["nodes"]:
            assert all(isinstance(value, float) and abs(value) < 1e300 for value in node["metrics"].values())
        assert [counter["key"] for counter in health["counters"]] == [limit.key for limit in LIMITS]
        json.dumps({**health, "last_updated": ""}, allow_nan=False)
