"""What relays cost and how late they are: `scripts/figures --only relays`. Loopback, real processes, one clock.

CPU is of each process, by the kernel's count, over a run of changes at a steady rate less the same time without any.
"""

import asyncio
import os
import statistics
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from redis.asyncio import Redis

from tests.support.relays import RedisServer, Relay, ident_of, redis_server, relaying
from tests.support.servers import Server, serving, wait_for

RATE = 20.0
CHANGES = 300
LISTENERS = 500
READERS = 100

Row = tuple[str, str, str]


class Listener:
    """One stream, read as bytes; notes when each marked text came. `packed`: as pages ask for it."""

    def __init__(self, *, packed: bool = False) -> None:
        self._path = "/stream/stage?packed=1" if packed else "/stream/stage"
        self.at: dict[int, float] = {}
        self.taken = 0
        self._rest = b""

    async def rate(self, seconds: float) -> str:
        """Bytes a second over the next seconds, in words."""
        before = self.taken
        await asyncio.sleep(seconds)
        return f"{(self.taken - before) / seconds / 1000:.2f} KB/s"

    async def read(self, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            head = f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: gzip\r\n\r\n"
            writer.write(head.encode())
            while chunk := await reader.read(65536):
                self._note(chunk)
        finally:
            writer.close()

    def _note(self, chunk: bytes) -> None:
        now = time.monotonic()
        self.taken += len(chunk)
        text = self._rest + chunk
        for part in text.split(b">change ")[1:]:
            digits, closed, _ = part.partition(b"<")
            if closed and digits.isdigit():
                self.at.setdefault(int(digits), now)
        self._rest = text[-40:]


@asynccontextmanager
async def listening(ports: Sequence[int], *, packed: bool = False) -> AsyncIterator[list[Listener]]:
    listeners = [Listener(packed=packed) for _ in ports]
    tasks = [asyncio.ensure_future(one.read(port)) for one, port in zip(listeners, ports, strict=True)]
    try:
        yield listeners
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def changes(stage: Server, count: int, rate: float = RATE) -> dict[int, float]:
    """Say something so many times, steadily; when each was sent."""
    sent: dict[int, float] = {}
    async with httpx.AsyncClient(base_url=stage.url) as client:
        begun = time.monotonic()
        for number in range(count):
            await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
            sent[number] = time.monotonic()
            await client.post("/say", json={"text": f"change {number}"})
    return sent


def cpu_of(pid: int) -> float:
    """Seconds of CPU, to the nanosecond: the count in ticks is too coarse for this."""
    return (
        sum(int((thread / "schedstat").read_text().split()[0]) for thread in Path(f"/proc/{pid}/task").iterdir()) / 1e9
    )


async def cost(stage: Server, pids: Sequence[int], count: int = CHANGES) -> list[float]:
    """CPU of each process for one change, in seconds."""
    await asyncio.sleep(1)
    span, before = count / RATE, [cpu_of(pid) for pid in pids]
    await asyncio.sleep(span)
    idle = [cpu_of(pid) - was for pid, was in zip(pids, before, strict=True)]
    before = [cpu_of(pid) for pid in pids]
    await changes(stage, count)
    await asyncio.sleep(max(0.0, 1 / RATE))
    return [(cpu_of(pid) - was - rest) / count for pid, was, rest in zip(pids, before, idle, strict=True)]


async def together(stage: Server, *relays: Relay) -> None:
    def look() -> bool:
        ident = ident_of(stage.state())
        return all(relay.has(ident) for relay in relays)

    await asyncio.to_thread(wait_for, look)


async def latency(stage: Server, relay: Relay) -> list[Row]:
    async with listening([stage.port, relay.port]) as (direct, relayed):
        await asyncio.sleep(1)
        sent = await changes(stage, CHANGES)
        await asyncio.sleep(1)
    rows: list[Row] = []
    for what, listener in (("POST to a listener of the conductor", direct), ("POST to a listener of a relay", relayed)):
        late = sorted(listener.at[number] - at for number, at in sent.items() if number in listener.at)
        missing = len(sent) - len(late)
        p99 = late[int(len(late) * 0.99)]
        rows.append((f"{what}, {missing} of {len(sent)} missing", ms(statistics.median(late)), f"p99 {ms(p99)}"))
    return rows


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


def us(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs"


async def conductor_cost(redis: RedisServer) -> list[Row]:
    """Of one change: without Redis, with it, with relays, and with their listeners."""
    rows: list[Row] = []
    with serving("none") as stage:
        (alone,) = await cost(stage, [stage.process.pid])
        rows.append(("conductor's CPU for a change, without Redis", us(alone), "–"))
    with ExitStack() as stack:
        stage = stack.enter_context(serving("none", "--redis", redis.url))
        relays: list[Relay] = []
        for count in range(3):
            if count:
                relays.append(stack.enter_context(relaying(redis.url)))
                await together(stage, *relays)
            (used,) = await cost(stage, [stage.process.pid])
            rows.append((f"… with Redis and {count} relays", us(used), f"+ {us(used - alone)}"))
        pids = [stage.process.pid, *(relay.process.pid for relay in relays)]
        bare = (await cost(stage, pids))[1:]
        async with listening([relays[number % 2].port for number in range(LISTENERS)]):
            await asyncio.sleep(3)
            used, *theirs = await cost(stage, pids)
        rows.append((f"… and {LISTENERS} listeners on them", us(used), f"+ {us(used - alone)}"))
        each = [(loaded - empty) / (LISTENERS / 2) for loaded, empty in zip(theirs, bare, strict=True)]
        rows.append(("a relay's CPU for a picture, without listeners", us(statistics.mean(bare)), "–"))
        rows.append(("a relay's CPU for a delivery", f"{statistics.mean(each) * 1e6:.1f} µs", "–"))
    return rows


async def redis_cost(redis: RedisServer, server: int) -> list[Row]:
    """Of one picture: what lies there, and Redis's CPU as followers grow."""
    rows: list[Row] = []
    with serving("none", "--redis", redis.url, "--show", "cost") as stage:
        await asyncio.to_thread(wait_for, lambda: bool(redis.client.exists("chaos-stage:cost:pictures")))
        (bare,) = await cost(stage, [server])
        rows.append(("Redis's CPU for a picture, nobody reads it", us(bare), "–"))
        async with reading(redis, "chaos-stage:cost:pictures", READERS):
            (loaded,) = await cost(stage, [server])
        rows.append(("Redis's CPU for a picture and a relay that reads it", us((loaded - bare) / READERS), "–"))
        rows.append(sizes(redis, "cost", "none"))
    return rows


async def live(redis: RedisServer) -> list[Row]:
    """What a screen of a live show takes through a relay, and what one more costs there."""
    rows: list[Row] = []
    with serving("ratelimiter", "--redis", redis.url) as stage, relaying(redis.url) as relay:
        await asyncio.to_thread(
            stage.until, lambda state: bool(state["health"]) and not state["health"]["has_issues"], 60
        )
        async with listening([relay.port], packed=True) as (one,):
            await asyncio.sleep(3)
            rows.append(("to a screen of the live rate limiter, at rest", await one.rate(20), "–"))
            await asyncio.to_thread(stage.client.post, "/chaos/kill-node")
            rows.append(("… while a node is killed and comes back", await one.rate(10), "–"))
        rows.append(sizes(redis, "default", "ratelimiter"))
        pid = relay.process.pid
        rows.append(("a relay's CPU for a page without its files", us(await asyncio.to_thread(page_cost, relay)), "–"))
        async with listening([relay.port] * LISTENERS, packed=True):
            await asyncio.sleep(5)
            held, before, span = resident(pid), cpu_of(pid), 20.0
            await asyncio.sleep(span)
            used = (cpu_of(pid) - before) / span * 100
            rows.append((f"a relay's CPU with {LISTENERS} screens of it, at rest", f"{used:.1f} % of a core", "–"))
            async with listening([relay.port] * LISTENERS, packed=True):
                await asyncio.sleep(5)
                more = (resident(pid) - held) / LISTENERS / 1024
                rows.append(("a relay's memory for one more screen", f"{more:.1f} KB", "–"))
    return rows


def page_cost(relay: Relay, count: int = 300) -> float:
    before = cpu_of(relay.process.pid)
    for _ in range(count):
        relay.client.get("/").raise_for_status()
    return (cpu_of(relay.process.pid) - before) / count


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def reading(redis: RedisServer, key: str, count: int) -> AsyncIterator[None]:
    """So many relays, as far as Redis can tell."""

    async def follow() -> None:
        client = Redis.from_url(redis.url, protocol=2)
        last: bytes | str = "$"
        try:
            while True:
                answer: Any = await client.xread({key: last}, block=1000)
                for _, entries in answer or ():
                    last = entries[-1][0]
        finally:
            await client.aclose()

    tasks = [asyncio.ensure_future(follow()) for _ in range(count)]
    await asyncio.sleep(1)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def sizes(redis: RedisServer, show: str, subject: str) -> Row:
    entries: Any = redis.client.xrange(f"chaos-stage:{show}:pictures")
    size = [sum(len(name) + len(value) for name, value in fields.items()) for _, fields in entries]
    return (f"a picture of `{subject}` in Redis", f"{statistics.median(size):.0f} bytes", f"{max(size)} bytes")


def relays() -> Iterator[Row]:
    """Every figure, as rows of a table."""
    with redis_server() as redis:
        with serving("none", "--redis", redis.url) as stage, relaying(redis.url) as relay:
            yield from asyncio.run(latency(stage, relay))
        yield from asyncio.run(conductor_cost(redis))
        yield from asyncio.run(redis_cost(redis, redis.pid))
    with redis_server() as redis:
        yield from asyncio.run(live(redis))
