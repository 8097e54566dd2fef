"""The book of a load by HTTP: a real server that loses, repeats and mixes up what it was sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from demo.errors import BookError
from demo.load.book.http import BookRequest, HttpBook, numbers_in
from demo.load.book.marks import Anomalies
from demo.load.book.sender import BookSender
from demo.processes.ports import free_ports
from tests.load.loaded import until

pytestmark = pytest.mark.anyio


@dataclass
class Orders:
    """`status`: what it answers; None takes the number and closes the connection without an answer."""

    port: int = 0
    numbers: list[int] = field(default_factory=list)
    status: int | None = 201
    takes: bool = True
    bodies: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def add(self, request: web.Request) -> web.Response:
        body = await request.text()
        self.bodies.append(f"{request.method} {request.content_type} {body}")
        if self.takes:
            self.numbers.append(int(request.match_info.get("n") or (await request.json())["n"]))
        if self.status is None:
            assert request.transport is not None
            request.transport.abort()
            await asyncio.Event().wait()
        return web.Response(status=self.status or 201)

    async def list(self, request: web.Request) -> web.Response:
        self.asked.append(request.query_string)
        first, last = int(request.query.get("from", 0)), int(request.query.get("to", 10**15))
        return web.json_response([number for number in self.numbers if first <= number <= last])

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@asynccontextmanager
async def serving_orders() -> AsyncIterator[Orders]:
    found = Orders()
    app = web.Application()
    app.router.add_post("/orders", found.add)
    app.router.add_put("/orders/{n}", found.add)
    app.router.add_get("/orders", found.list)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.port = runner.addresses[0][1]
    try:
        yield found
    finally:
        await runner.cleanup()


@asynccontextmanager
async def booked(request: BookRequest, timeout: float = 20.0) -> AsyncIterator[BookSender]:
    sender = BookSender(HttpBook(request, timeout))
    try:
        yield sender
    finally:
        await sender.close()


async def send(sender: BookSender, count: int) -> None:
    for number in range(count):
        await sender.send(number)


async def found_by(sender: BookSender) -> Anomalies:
    sender.ask()
    await until(lambda: sender.state().is_known)
    return sender.state().counts.wrong


async def test_numbers_that_vanish_come_twice_or_change_their_order_are_found() -> None:
    async with serving_orders() as orders, booked(BookRequest(orders.url("/orders"), orders.url("/orders"))) as sender:
        await send(sender, 6)
        assert await found_by(sender) == Anomalies()
        assert orders.bodies[-1] == 'POST application/json {"n": 6}'
        orders.numbers = [1, 2, 2, 4, 3, 6]
        assert await found_by(sender) == Anomalies(lost=1, duplicate=1, out_of_order=1)


async def test_numbers_begin_behind_those_of_an_earlier_show() -> None:
    async with serving_orders() as orders:
        orders.numbers = [3, 41, 7]
        read = orders.url("/orders?from=${from}&to=${to}")
        request = BookRequest(orders.url("/orders/${n}?again=${n}"), read, "PUT", "number ${n}")
        async with booked(request) as sender:
            await send(sender, 3)
            assert orders.numbers == [3, 41, 7, 42, 43, 44]
            assert orders.bodies[-1] == "PUT text/plain number 44"
            assert await found_by(sender) == Anomalies()
            assert orders.asked[-1] == "from=42&to=1041"
            orders.numbers.remove(43)
            assert await found_by(sender) == Anomalies(lost=1)


@pytest.mark.parametrize(
    ("status", "takes", "ambiguous", "refused", "landed"),
    [(503, True, 2, 0, 2), (503, False, 2, 0, 0), (400, False, 0, 2, 0), (302, False, 0, 2, 0), (None, True, 2, 0, 2)],
)
async def test_only_a_success_confirms_and_what_a_server_fails_at_is_ambiguous(
    status: int | None, takes: bool, ambiguous: int, refused: int, landed: int
) -> None:
    async with serving_orders() as orders, booked(BookRequest(orders.url("/orders"), orders.url("/orders"))) as sender:
        await send(sender, 2)
        orders.status, orders.takes = status, takes
        await send(sender, 2)
        assert await found_by(sender) == Anomalies(landed=landed)
        counts = sender.state().counts
        assert (counts.confirmed, counts.ambiguous, counts.refused) == (2, ambiguous, refused)


async def test_a_system_that_cannot_be_read_at_the_start_is_sent_nothing() -> None:
    (port,) = free_ports(1)
    async with serving_orders() as orders:
        async with booked(BookRequest(orders.url("/orders"), orders.url("/nothing"))) as sender:
            answer = await sender.send(1)
            assert (answer.trouble, answer.is_ambiguous) == ("read: answered with status 404", False)
            await until(lambda: sender.state().trouble == "answered with status 404")
            assert not sender.state().is_known
        assert orders.numbers == []
    async with booked(BookRequest(f"http://127.0.0.1:{port}/", f"http://127.0.0.1:{port}/")) as sender:
        assert (await sender.send(1)).trouble == "read: connection refused"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [(b"", []), (b"[]", []), (b'[1, "2", 3]', [1, 2, 3]), (b"1 2,3\n4\r\n", [1, 2, 3, 4]), (b" 7 ", [7])],
)
def test_numbers_are_a_json_list_or_words(text: bytes, numbers: list[int]) -> None:
    assert list(numbers_in(text)) == numbers


@pytest.mark.parametrize(
    "text",
    [b"null", b"{}", b'{"numbers": [1]}', b"[1.5]", b"[true]", b"[[1]]", b"<html>", b"[1,", b"\xff", b"[" * 9999],
)
def test_anything_else_is_no_list_of_numbers(text: bytes) -> None:
    with pytest.raises(BookError, match="not a list of numbers"):
        numbers_in(text)
