"""A server process of a show that starts the show's proxies and can be killed, and an echo behind them."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from demo.processes.child import ROOT
from demo.proxy.client import ProxyIdentity
from demo.proxy.launch import ShowProxies, stop_proxies
from demo.proxy.route import ProxyRoute
from tests.support.proxied import echo

SERVER = """
import asyncio, json, sys
from demo.proxy.launch import start_proxies
from demo.proxy.route import ProxyRoute

show, idle_sec, routes = json.loads(sys.argv[1])
identity = asyncio.run(start_proxies(show, [ProxyRoute.from_json(route) for route in routes], idle_sec))
print(json.dumps(identity.to_json()), flush=True)
sys.stdin.read()
"""


@contextmanager
def show_server(
    show: str, routes: Sequence[ProxyRoute], idle_sec: float = 60.0
) -> Iterator[tuple["subprocess.Popen[str]", ProxyIdentity]]:
    """A process that has started the proxies of `show`; its proxy process is ended with this block."""
    told = json.dumps([show, idle_sec, [route.to_json() for route in routes]])
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, told], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    with server:
        assert server.stdout is not None
        identity = ProxyIdentity.from_json(json.loads(server.stdout.readline()))
        try:
            yield server, identity
        finally:
            server.kill()
            server.wait()
            asyncio.run(stop_proxies(identity))


@asynccontextmanager
async def started(show: str, routes: Sequence[ProxyRoute]) -> AsyncIterator[ShowProxies]:
    """The proxies of a show, with the process of the test as their server."""
    proxies = ShowProxies(show, routes)
    await proxies.start()
    try:
        yield proxies
    finally:
        await proxies.stop()


def run_python(code: str, *args: str) -> str:
    """Run Python code of ours in a process of its own, and return what it prints."""
    found = subprocess.run(
        [sys.executable, "-c", code, *args], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


@asynccontextmanager
async def echoing(port: int) -> AsyncIterator[None]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await echo(reader, writer)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


async def ask(port: int, data: bytes = b"x") -> bytes:
    """Return what one connection answers; "" if it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        return await reader.read(len(data))
    finally:
        writer.close()
