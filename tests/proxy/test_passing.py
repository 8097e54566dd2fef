"""A proxy without toxics: it passes what comes, both ways, with bounded memory, and says why when it cannot."""

import asyncio
import contextlib
import resource
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from demo.errors import SubjectError
from demo.processes.ports import free_ports
from demo.proxy.address import Address
from demo.proxy.flow import BUFFER_BYTES, CHUNK_COST, MAX_QUEUED_BYTES, FlowResources
from demo.proxy.proxy import connect
from demo.proxy.route import ProxyRoute
from demo.proxy.table import ProxyTable
from demo.proxy.toxic import Toxic
from tests.support.proxied import Proxied, proxied, until

pytestmark = pytest.mark.anyio

MANY = 1000


async def test_much_data_arrives_whole_in_both_directions_at_once() -> None:
    async with proxied() as there:
        reader, writer = await there.connect()
        sent = bytes(range(256)) * 40_000

        async def send() -> None:
            for at in range(0, len(sent), 100_000):
                writer.write(sent[at : at + 100_000])
                await writer.drain()

        sending = asyncio.create_task(send())
        assert await reader.readexactly(len(sent)) == sent
        await sending
        told = there.table.describe()["proxies"]["p"]
        assert (told["bytes_upstream"], told["bytes_downstream"]) == (len(sent), len(sent))


async def test_a_side_that_has_said_all_still_hears_the_other() -> None:
    async def answer_at_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question = await reader.read()
        writer.write(b"got " + question)

    async with proxied(answer_at_the_end) as there:
        reader, writer = await there.connect()
        writer.write(b"all of it")
        writer.write_eof()
        assert await reader.read() == b"got all of it"
        await until(lambda: there.table.describe()["proxies"]["p"]["connections"] == 0)


async def test_a_reset_of_one_side_is_passed_on_as_a_reset() -> None:
    async with proxied() as there:
        reader, _ = await there.connect()
        raw = there.at_server[0][1].get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        there.at_server[0][1].transport.abort()
        with pytest.raises(ConnectionResetError):
            await reader.read()


@pytest.mark.parametrize("toxic", [None, Toxic("p", latency=0.001)])
async def test_a_reader_that_is_slow_holds_the_sender_up_and_nothing_is_lost(toxic: Toxic | None) -> None:
    size, sent = 48 << 20, 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.read(1)
        while sent < size:
            writer.write(bytes(1 << 20))
            await writer.drain()
            sent += 1 << 20

    async with proxied(flood) as there:
        reader, writer = await there.connect()
        if toxic is not None:
            there.add("slow", toxic)
        writer.write(b"x")
        await _stall(lambda: sent)
        assert sent < size
        limit = BUFFER_BYTES if toxic is None else MAX_QUEUED_BYTES + BUFFER_BYTES
        assert 0 < there.shared.queued <= limit + CHUNK_COST
        got = 0
        while got < size:
            got += len(await reader.read(1 << 20))
        assert got == size
        assert there.shared.queued == 0


async def _stall(value: Callable[[], int]) -> None:
    """Return when the value has stayed the same for a while."""
    while True:
        before = value()
        await asyncio.sleep(0.2)
        if before == value() > 0:
            return


async def test_a_thousand_connections_at_once_are_all_answered() -> None:
    _allow_files(5 * MANY)
    async with proxied() as there:
        opened = [await there.connect_anyhow() for _ in range(MANY)]
        for number, (_, writer) in enumerate(opened):
            writer.write(b"%03d" % (number % 1000))
        for number, (reader, _) in enumerate(opened):
            assert await reader.readexactly(3) == b"%03d" % (number % 1000)
        assert there.table.describe()["proxies"]["p"]["connections"] == MANY


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        pytest.skip(f"NOT TRIED: {MANY} connections, as only {hard} files may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def _has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as one:
        one.bind(("::1", 0))
        return True
    return False


@pytest.mark.skipif(not _has_ipv6(), reason="NOT TRIED: this machine has no IPv6")
@pytest.mark.parametrize(("listen", "to"), [("[::1]", "127.0.0.1"), ("127.0.0.1", "[::1]"), ("[::1]", "[::1]")])
async def test_ipv6_on_either_side(listen: str, to: str) -> None:
    async with proxied(listen=listen, to=to) as there:
        reader, writer = await there.connect(listen.strip("[]"))
        writer.write(b"six")
        assert await reader.readexactly(3) == b"six"


async def test_a_name_is_looked_up_for_each_connection_and_its_addresses_are_tried_in_turn() -> None:
    """`localhost` is ::1 too on most machines, where the server of this test does not listen."""
    async with proxied(to="localhost", listen="localhost") as there:
        for host in ("127.0.0.1", "localhost"):
            reader, writer = await there.connect(host)
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"


async def test_where_nobody_listens_the_client_is_reset_at_once_and_the_reason_is_told() -> None:
    port, nobody = free_ports(2)
    async with _table(ProxyRoute.read("p", f"127.0.0.1:{port}", f"127.0.0.1:{nobody}")) as table:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        told = table.describe()["proxies"]["p"]
        assert told["trouble"] == f"127.0.0.1:{nobody} cannot be reached: nobody listens there"
        assert (told["accepted"], told["failed"], told["connections"]) == (1, 1, 0)


async def test_an_unknown_name_is_told_as_such() -> None:
    with pytest.raises(SubjectError, match=r"^db\.invalid:5432: the name 'db\.invalid' is unknown"):
        await connect(Address("db.invalid", 5432))


async def test_a_port_that_is_taken_is_refused_with_its_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SubjectError, match=rf"^proxy 'p': port {port} is used by .*: stop that program, or"):
            async with _table(ProxyRoute.read("p", f"127.0.0.1:{port}", "127.0.0.1:1")):
                pass


@pytest.mark.parametrize(
    ("listen", "words"),
    [("192.0.2.1", "this machine has no such address"), ("me.invalid", "the name 'me.invalid' is unknown")],
)
async def test_an_address_where_nobody_can_listen_here_is_refused_in_words(listen: str, words: str) -> None:
    with pytest.raises(SubjectError, match=words):
        async with _table(ProxyRoute.read("p", f"{listen}:7000", "127.0.0.1:1")):
            pass


async def test_two_proxies_on_one_address_are_refused_with_both_names() -> None:
    port = free_ports(1)[0]
    routes = [ProxyRoute.read(name, f"127.0.0.1:{port}", "127.0.0.1:1") for name in ("one", "two")]
    with pytest.raises(SubjectError, match=f"proxies 'one' and 'two' both listen on 127.0.0.1:{port}"):
        async with _table(*routes):
            pass


async def test_a_new_set_of_routes_leaves_the_connections_of_those_that_stay() -> None:
    async with proxied() as there:
        reader, writer = await there.connect()
        there.add("slow", Toxic("p", latency=0.001))
        other = free_ports(1)[0]
        same = ProxyRoute.read("p", f"127.0.0.1:{there.port}", f"127.0.0.1:{there.behind}")
        await there.table.set_routes([same, ProxyRoute.read("q", f"127.0.0.1:{other}", f"127.0.0.1:{there.behind}")])
        writer.write(b"x")
        assert await reader.readexactly(1) == b"x"
        assert list(there.table.describe()["toxics"]) == ["slow"]
        await there.table.set_routes([ProxyRoute.read("q", f"127.0.0.1:{there.port}", f"127.0.0.1:{there.behind}")])
        assert await reader.read() == b""
        assert there.table.describe()["toxics"] == {}
        await _ask_again(there)


async def _ask_again(there: Proxied) -> None:
    reader, writer = await there.connect()
    writer.write(b"x")
    assert await reader.readexactly(1) == b"x"


@contextlib.asynccontextmanager
async def _table(*routes: ProxyRoute) -> AsyncIterator[ProxyTable]:
    shared = FlowResources(asyncio.get_running_loop())
    table = ProxyTable(shared)
    try:
        await table.set_routes(routes)
        yield table
    finally:
        table.close()
        shared.close()
