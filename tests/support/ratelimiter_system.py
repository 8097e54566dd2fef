"""A running rate limiter for the tests: real processes, small and fast limits, and a way to wait for a condition."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from demo.processes.child import Child
from demo.processes.port_owner import PortOwner
from demo.processes.ports import free_ports
from demo.processes.proof_of_identity import SignedRequest
from demo.processes.supervised import SupervisedProcess
from demo.subjects.ratelimiter.connection_info import LimiterSettings
from demo.subjects.ratelimiter.limits import EXACT_KEY, NAIVE_KEY, RateLimit
from demo.subjects.ratelimiter.owned_system import OwnedSystem
from demo.subjects.ratelimiter.poller import Poller
from demo.subjects.ratelimiter.redis_client import connect
from demo.subjects.ratelimiter.redis_server import find_server, redis_child

PASSWORD = "for-this-test"

QUICK = (
    RateLimit(NAIVE_KEY, "naive", 40, 2.0, 18.0),
    RateLimit(EXACT_KEY, "exact", 40, 2.0, 18.0),
    RateLimit("search", "exact", 10, 1.0, 12.0),
)
"""The same two ways to count, with windows that pass quickly."""


async def until(condition: Callable[[], object], timeout: float = 10.0) -> None:
    """Wait for a condition, with a deadline."""
    ends = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < ends, f"not met within {timeout} s"
        await asyncio.sleep(0.02)


async def until_async(condition: Callable[[], Awaitable[bool]], timeout: float = 10.0) -> None:
    """Wait for an asynchronous condition."""
    ends = time.monotonic() + timeout
    while not await condition():
        assert time.monotonic() < ends, f"not met within {timeout} s"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def running(settings: LimiterSettings | None = None) -> AsyncIterator[OwnedSystem]:
    """All processes up; every one of them gone afterwards."""
    system = OwnedSystem(settings or LimiterSettings(limits=QUICK))
    try:
        await system.start()
        yield system
    finally:
        await system.stop()


async def heal_and_wait(system: OwnedSystem) -> None:
    """Restart what an earlier test has left dead or hanging, and wait until every part answers and Redis takes writes.

    A fault that was left in place is not healed: whoever comes next says so.
    """
    await system.heal()
    poller = Poller(system.parts, system.settings.limits)

    async def is_whole() -> bool:
        return not (await poller.poll())["has_issues"]

    await until_async(is_whole)


@asynccontextmanager
async def own_redis() -> AsyncIterator[tuple[Child, Callable[[float], Redis]]]:
    """A Redis alone, and a way to connect to it."""
    port = free_ports(1)[0]
    child = redis_child(find_server(), port, PASSWORD)
    await child.start()
    owner = PortOwner(port, os.getpid())
    client = connect(owner, PASSWORD, 1.0)

    async def answers() -> bool:
        try:
            return bool(await client.ping())
        except (OSError, RedisError):
            return False

    try:
        await until_async(answers)
        yield child, lambda answer_sec: connect(owner, PASSWORD, answer_sec)
    finally:
        await client.aclose()
        await child.stop()


def signed_headers(system: OwnedSystem, part: SupervisedProcess, path: str, method: str = "POST") -> Mapping[str, str]:
    """Return the headers that sign a request of the show's own."""
    return SignedRequest(system.token, part.id, method, path).headers


async def data_of(part: SupervisedProcess) -> Mapping[str, Any]:
    """What a part says of itself; on a busy machine an answer may come too late for one probe."""
    found: dict[str, Any] = {}

    async def answers() -> bool:
        found.update((await part.read()).data)
        return bool(found)

    await until_async(answers)
    return found


def is_running(pid: int) -> bool:
    """A process that has ended but was not reaped yet does not count."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
