"""The proxy process of a show: started, adopted after a killed server, commanded by others, and how it ends."""

import asyncio
import os
import signal
import stat
import time
from pathlib import Path

import pytest

from demo.errors import FaultError, SubjectError
from demo.processes.ports import free_ports
from demo.proxy.client import ProxyClient, ProxyIdentity
from demo.proxy.launch import ShowProxies, start_proxies, stop_proxies
from demo.proxy.place import file_of
from demo.proxy.route import ProxyRoute
from demo.proxy.toxic import Toxic
from tests.support.proxied import until
from tests.support.proxy_servers import ask, echoing, show_server, started

PORTS = 2


def _route(port: int, to: int) -> ProxyRoute:
    return ProxyRoute.read("p", f"127.0.0.1:{port}", f"127.0.0.1:{to}")


def test_it_outlives_a_killed_server_with_its_connections_and_the_next_server_adopts_it() -> None:
    port, behind = free_ports(PORTS)
    with show_server("a show", [_route(port, behind)]) as (server, identity):

        async def go_on() -> None:
            async with echoing(behind):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"x")
                assert await reader.readexactly(1) == b"x"
                server.kill()
                server.wait()
                writer.write(b"y")
                assert await reader.readexactly(1) == b"y"
                assert await start_proxies("a show", [_route(port, behind)]) == identity
                writer.write(b"z")
                assert await reader.readexactly(1) == b"z"
                writer.close()

        asyncio.run(go_on())
        mode = Path(identity.socket).stat().st_mode
        assert (stat.S_IMODE(mode), stat.S_IMODE(Path(identity.socket).parent.stat().st_mode)) == (0o600, 0o700)


def test_it_ends_when_its_last_client_has_been_gone_for_so_long_and_not_before() -> None:
    port, behind = free_ports(PORTS)
    with show_server("a show", [_route(port, behind)], idle_sec=0.3) as (server, identity):
        time.sleep(0.8)  # longer than it waits without a client
        assert not identity.has_ended
        server.kill()
        server.wait()
        asyncio.run(until(lambda: identity.has_ended))
        assert not Path(identity.socket).exists()
        assert not identity.was_killed


def test_two_that_start_it_at_the_same_moment_share_it() -> None:
    """As a server that is started anew, and the watchdog or ledger that heals what the one before has left."""
    port, behind = free_ports(PORTS)

    async def run() -> None:
        starts = [start_proxies("a show", [_route(port, behind)]) for _ in range(2)]
        one, other = await asyncio.gather(*starts)
        assert one == other
        await stop_proxies(one)

    asyncio.run(run())


def test_a_clean_end_ends_it_and_stopping_again_does_nothing() -> None:
    port, behind = free_ports(PORTS)

    async def run() -> None:
        proxies = ShowProxies("a show", [_route(port, behind)])
        await proxies.stop()
        identity = await proxies.start()
        assert await proxies.start() == identity
        await proxies.stop()
        assert identity.has_ended
        await proxies.stop()
        with pytest.raises(ConnectionRefusedError):
            await ask(port)

    asyncio.run(run())


def test_one_that_hangs_is_ended_all_the_same_and_one_that_was_killed_is_started_again() -> None:
    port, behind = free_ports(PORTS)

    async def run() -> None:
        async with echoing(behind), started("a show", [_route(port, behind)]) as proxies:
            identity = _identity(proxies)
            os.kill(identity.pid, signal.SIGSTOP)
            with pytest.raises(FaultError, match="the show's proxy process does not answer"):
                await ProxyClient(identity, answer_sec=0.1).describe()
            await stop_proxies(identity, answer_sec=0.1)
            assert identity.was_killed
            another = await proxies.start()
            assert another != identity
            assert await ask(port) == b"x"
            with pytest.raises(FaultError, match="was started anew meanwhile"):
                await ProxyClient(identity).describe()

    asyncio.run(run())


def _identity(proxies: ShowProxies) -> ProxyIdentity:
    assert proxies.identity is not None
    return proxies.identity


def test_a_toxic_expires_unless_it_is_renewed_and_what_is_refused_is_said_in_a_sentence() -> None:
    port, behind = free_ports(PORTS)

    async def run() -> None:
        async with started("a show", [_route(port, behind)]) as proxies:
            identity = _identity(proxies)
            client = ProxyClient(identity)
            toxic = Toxic("p", latency=0.001)
            await client.add("short", toxic, expires_sec=0.1)
            await client.add("renewed", toxic, expires_sec=30)
            await client.add("renewed", toxic, expires_sec=600)
            while (toxics := (await client.describe())["toxics"]).keys() != {"renewed"}:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            assert toxics["renewed"]["expires_in_sec"] > 30
            with pytest.raises(FaultError, match="'short' was removed already"):
                await client.add("short", toxic)
            with pytest.raises(FaultError, match="there is no proxy 'q'; there are: p"):
                await client.add("x", Toxic("q", latency=1.0))
            with pytest.raises(SubjectError, match=f"proxy 'p': port {port} is used by .*, process {identity.pid}"):
                await start_proxies("another show", [_route(port, behind)])
            await until(lambda: not file_of("another show", "sock").exists())

    asyncio.run(run())


def test_an_identity_of_an_earlier_boot_has_ended() -> None:
    assert ProxyIdentity("/nowhere", os.getpid(), None, "another boot").has_ended
