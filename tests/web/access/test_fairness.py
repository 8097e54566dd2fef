"""Whoever steers waits for nobody who only reads, however many ask; and readers take turns."""

import asyncio
import statistics
import time

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from bench.flood import Stranger, press
from demo.web.access.fair_queue import GIVE_WAY_SEC, FairQueue
from demo.web.access.middleware import AccessMiddleware
from demo.web.access.policy import AccessPolicy
from demo.web.asgi_extensions import IS_CLOSING
from tests.support.servers import serving

HALTS = 9
pytestmark = pytest.mark.anyio


def test_a_halt_comes_before_a_strangers_flood() -> None:
    """The median: a machine that is busy with something else makes single ones late, in both."""
    with serving("none") as server:
        press(server.port, HALTS)
        alone = statistics.median(press(server.port, HALTS))
        with Stranger(server.port, "in a row") as stranger:
            flooded = statistics.median(press(server.port, HALTS))
    assert stranger.per_sec > 10, "the flood itself was answered, too"
    assert flooded < 5 * alone + 0.05


async def begins(queue: FairQueue, address: str, begun: list[str], name: str) -> None:
    await queue.wait(address)
    begun.append(name)


async def test_addresses_take_turns_and_within_one_the_first_comes_first() -> None:
    queue, begun = FairQueue(), list[str]()
    async with asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(begins(queue, "192.0.2.1", begun, f"flood {number}"))
        group.create_task(begins(queue, "192.0.2.2", begun, "phone"))
    assert begun == ["flood 0", "phone", "flood 1", "flood 2", "flood 3"]


async def test_few_begin_in_one_round_of_the_loop() -> None:
    queue, begun = FairQueue(), list[str]()
    tasks = [asyncio.create_task(begins(queue, "192.0.2.1", begun, "")) for _ in range(200)]
    most, before = 0, 0
    while len(begun) < len(tasks):
        await asyncio.sleep(0)
        most, before = max(most, len(begun) - before), len(begun)
    assert most <= 8


async def test_readers_give_way_to_a_command_but_not_for_ever() -> None:
    queue, begun = FairQueue(), list[str]()
    with queue.command():
        tasks = [asyncio.create_task(begins(queue, "192.0.2.1", begun, "")) for _ in range(100)]
        since = time.monotonic()
        while len(begun) < 3:  # noqa: ASYNC110 - who waits here tells nobody
            await asyncio.sleep(0.001)
        assert time.monotonic() - since >= GIVE_WAY_SEC
        assert len(begun) < 10
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks)


async def test_nothing_is_drawn_for_who_has_left_while_waiting() -> None:
    drawn = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        drawn.append(Request(scope).url.path)
        await PlainTextResponse("drawn")(scope, receive, send)

    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        pass

    def asked(path: str, gone: bool) -> Scope:
        headers = [(b"host", b"127.0.0.1:8000")]
        about = {"type": "http", "method": "GET", "path": path, "scheme": "http", "query_string": b""}
        ends = {"server": ("127.0.0.1", 8000), "client": ("127.0.0.1", 40000)}
        return about | ends | {"headers": headers, "extensions": {IS_CLOSING: lambda: gone}}

    guard = AccessMiddleware(application, AccessPolicy(), lambda what, error: None)
    await guard(asked("/", gone=True), receive, send)
    await guard(asked("/state", gone=False), receive, send)
    assert drawn == ["/state"]
