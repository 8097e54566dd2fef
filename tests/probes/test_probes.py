"""Probes: an answer within the deadline, or plain words; never an exception."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from demo.probes.http import HttpProbe
from demo.probes.redis import RedisProbe
from demo.processes.port_owner import PortOwner
from demo.processes.ports import free_ports
from demo.subjects.ratelimiter.redis_client import connect
from tests.support.ratelimiter_system import own_redis, until_async

pytestmark = pytest.mark.anyio


async def _slow(_: web.Request) -> web.Response:
    await asyncio.sleep(5)
    return web.Response()


async def _answer(request: web.Request) -> web.Response:
    return web.json_response({"got": request.headers.get("X-Test")})


async def _list(_: web.Request) -> web.Response:
    return web.json_response([1])


async def _text(_: web.Request) -> web.Response:
    return web.Response(text="fine, thanks")


async def _broken(_: web.Request) -> web.Response:
    return web.Response(status=500)


async def _hang_up(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@asynccontextmanager
async def server() -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    app = web.Application()
    app.add_routes(
        [
            web.get("/ok", _answer),
            web.get("/slow", _slow),
            web.get("/hang-up", _hang_up),
            web.get("/list", _list),
            web.get("/text", _text),
            web.get("/broken", _broken),
        ]
    )
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as session:
        yield session, f"http://127.0.0.1:{port}"
    await runner.cleanup()


async def test_an_answer_is_read_and_headers_are_sent() -> None:
    async with server() as (session, url):
        reading = await HttpProbe(lambda: session, f"{url}/ok", {"X-Test": "token"}).read()
        assert reading.ok
        assert reading.data == {"got": "token"}
        assert reading.took_ms > 0


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/list", "not with a JSON object"),
        ("/text", "not with a JSON object"),
        ("/broken", "status 500"),
        ("/nowhere", "status 404"),
        ("/hang-up", "closed the connection"),
    ],
)
async def test_an_odd_answer_is_said_in_plain_words(path: str, words: str) -> None:
    async with server() as (session, url):
        reading = await HttpProbe(lambda: session, f"{url}{path}").read()
        assert not reading.ok
        assert words in reading.trouble


async def test_a_slow_server_does_not_hold_the_probe_up() -> None:
    async with server() as (session, url):
        started = time.monotonic()
        reading = await HttpProbe(lambda: session, f"{url}/slow", timeout_sec=0.1).read()
        assert time.monotonic() - started < 1.0
        assert reading.trouble == "no answer in 100 ms"


async def test_nobody_there_and_a_closed_session_are_readings_too() -> None:
    port = free_ports(1)[0]
    async with aiohttp.ClientSession() as session:
        probe = HttpProbe(lambda: session, f"http://127.0.0.1:{port}/health")
        assert (await probe.read()).trouble == "connection refused"
    assert not (await probe.read()).ok


@pytest.mark.system
async def test_redis_is_probed_with_a_write_for_ping_stays_green(tmp_path: Path) -> None:
    async with own_redis() as (child, connect_to):
        client, control = connect_to(0.3), connect_to(2.0)
        probe = RedisProbe(lambda: client)
        good = await probe.read()
        assert good.ok
        assert good.data["write_ms"] > 0
        assert good.data["memory_bytes"] > 100_000
        await control.client_pause(10_000, all=False)
        assert await control.ping()
        assert (await probe.read()).trouble == "accepts no writes"
        await control.client_unpause()

        async def is_back() -> bool:
            return (await probe.read()).ok

        await until_async(is_back)
        child.kill()
        await child.wait()
        assert (await probe.read()).trouble == "connection refused"
        await client.aclose()
        await control.aclose()


@pytest.mark.system
async def test_a_redis_that_is_not_ours_is_not_taken_for_it(tmp_path: Path) -> None:
    async with own_redis() as (_, connect_to):
        client = connect_to(1.0)
        owner = PortOwner(client.connection_pool.connection_kwargs["port"], os.getpid())
        stranger = connect(owner, "another password", 1.0)
        assert not (await RedisProbe(lambda: stranger).read()).ok
        await client.aclose()
        await stranger.aclose()
