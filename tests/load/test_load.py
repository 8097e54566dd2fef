"""A load against a real server: its arrivals go by the clock, whatever becomes of the server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from demo.clock import uptime
from demo.load.http import HttpSender
from demo.load.load import Load
from demo.load.sender import OK, RequestResult
from demo.processes.ports import free_ports
from tests.load.loaded import answering, until

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def loading(url: str, timeout: float, most: int = 100) -> AsyncIterator[Load]:
    load = Load(HttpSender(url, timeout), timeout, max_in_flight=most)
    load.measure_since(uptime())
    try:
        yield load
    finally:
        await load.close()


class Stuck:
    """Sends nothing, and never answers; says how many it was given."""

    def __init__(self) -> None:
        self.given: list[float] = []

    async def send(self, number: int) -> RequestResult:
        self.given.append(uptime())
        await asyncio.Event().wait()
        return OK

    async def close(self) -> None:
        """Hold nothing."""


async def test_a_server_that_never_answers_does_not_slow_the_arrivals() -> None:
    async with answering() as server:
        server.delays = [None]
        async with loading(server.url, 20.0) as load:
            load.set_rate(40)
            began = uptime()
            await until(lambda: server.asked >= 30)
            took = uptime() - began
            assert took >= 30 / 40 - 0.01  # never faster than the clock
            assert load.in_flight >= 30
            assert load.measured().count == 0
    assert load.in_flight == 0


async def test_more_than_the_bound_is_not_sent_but_counted() -> None:
    sender = Stuck()
    load = Load(sender, 60.0, max_in_flight=3)
    load.measure_since(uptime())
    load.set_rate(100)
    await until(lambda: load.measured().missed >= 20)
    assert len(sender.given) == 3
    await load.close()
    assert load.in_flight == 0


async def test_a_refused_connection_counts_as_its_whole_timeout() -> None:
    (port,) = free_ports(1)
    async with loading(f"http://127.0.0.1:{port}/", 7.0) as load:
        load.set_rate(50)
        await until(lambda: load.measured().count >= 10)
        found = load.measured()
        assert (found.error_share, load.last_trouble) == (1.0, "connection refused")
        assert found.took.min == 7.0


async def test_a_late_answer_is_no_answer() -> None:
    async with answering() as server:
        server.delays = [None]
        async with loading(server.url, 0.2) as load:
            load.set_rate(20)
            await until(lambda: load.measured().count >= 3)
            assert load.last_trouble == "no answer in time"
            assert load.measured().took.min >= 0.2


async def test_percentiles_are_those_of_the_delays_of_the_server() -> None:
    async with answering() as server:
        server.delays = [*[0.0] * 8, 0.4, 0.4]  # one fifth is slow
        async with loading(server.url, 30.0) as load:
            load.set_rate(100)
            await until(lambda: load.measured().count >= 100)
            load.set_rate(0)
            await until(lambda: load.in_flight == 0)
            found = load.measured()
            slow = sum(1 for number in range(server.asked) if server.delays[number % 10])
            fast_most = found.took.percentile(100 * (found.count - slow) / found.count)
            first_slow = found.took.percentile(100 * (found.count - slow + 1) / found.count)
    assert found.count == server.asked
    assert found.errors == 0
    assert first_slow is not None
    assert fast_most is not None
    # No answer is earlier than its delay; how late it is depends on the machine.
    assert first_slow >= 0.4 * 0.995
    assert (found.took.percentile(95) or 0) >= 0.4 * 0.995
    assert found.took.min < 0.4


async def test_statuses_from_400_on_are_errors_and_have_a_time() -> None:
    async with answering() as server:
        server.statuses = [200, 302, 404, 503]
        async with loading(server.url, 30.0) as load:
            load.set_rate(100)
            await until(lambda: load.measured().count >= 40)
            load.set_rate(0)
            await until(lambda: load.in_flight == 0)
            found = load.measured()
    failed = sum(1 for number in range(server.asked) if number % 4 > 1)
    assert (found.count, found.errors) == (server.asked, failed)
    assert found.took.max < 30


async def test_a_changed_rate_counts_from_now_on() -> None:
    sender = Stuck()
    load = Load(sender, 60.0)
    load.set_rate(1 / 3600)
    began = uptime()
    load.set_rate(200)
    await until(lambda: len(sender.given) >= 20)
    load.set_rate(0)
    await asyncio.sleep(0)  # what was due before is given now
    sent, took = len(sender.given), uptime() - began
    assert sent <= took * 200 + 1
    await asyncio.sleep(0.05)
    assert len(sender.given) == sent
    await load.close()
