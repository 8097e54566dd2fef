"""A hall that loads its page at once, as when a show begins anew: how long all of them take, and a halt among them."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from tests.support.servers import serving

PHONES = 2000
WAVE = 100
"""Connections are made so many at a time, before anybody asks: the pages are measured, not the handshakes."""

HALT_AFTER_SEC = 0.1
GIVE_UP_SEC = 60.0

Found = tuple[str, list[float], str, float]


@dataclass(frozen=True)
class Entry:
    """Seconds: until the last page was there, and what the halt took meanwhile."""

    last: float
    halt: float


def entries(rounds: int, phones: int = PHONES) -> Iterator[Found]:
    """Raises `RuntimeError` when a page does not come whole."""
    with serving("none") as server:
        found = []
        for _ in range(rounds):
            found.append(asyncio.run(_enter(server.port, phones)))
            server.client.post("/resume").raise_for_status()
    yield f"{phones:,} phones load the page at once: the last has it", [one.last for one in found], "ms", 1000
    yield "a halt pressed among them is answered", [one.halt for one in found], "ms", 1000


async def _enter(port: int, phones: int) -> Entry:
    lines = []
    for _ in range(0, phones, WAVE):
        lines += await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in range(WAVE)))
    asking = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n".encode()
    began = time.monotonic()
    async with asyncio.timeout(GIVE_UP_SEC), asyncio.TaskGroup() as group:
        for _, writer in lines:
            writer.write(asking)
        pages = [group.create_task(_page(reader)) for reader, _ in lines]
        halt = group.create_task(_halt(port))
        last = max([await page for page in pages]) - began
    for _, writer in lines:
        writer.close()
    return Entry(last, await halt)


async def _page(reader: asyncio.StreamReader) -> float:
    whole = await reader.read()
    at = time.monotonic()
    if not whole.startswith(b"HTTP/1.1 200 ") or len(whole) < 1000:
        raise RuntimeError(f"a page did not come whole: {whole[:80]!r}")
    return at


async def _halt(port: int) -> float:
    async with httpx.AsyncClient(timeout=GIVE_UP_SEC) as client:
        await asyncio.sleep(HALT_AFTER_SEC)
        began = time.monotonic()
        (await client.post(f"http://127.0.0.1:{port}/halt")).raise_for_status()
        return time.monotonic() - began
