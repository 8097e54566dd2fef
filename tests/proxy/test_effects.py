"""Each toxic on real sockets: what client and server see, while it is there and after it has ended."""

import array
import asyncio
import fcntl
import socket
import termios
import time

import pytest

from demo.errors import FaultError
from demo.proxy.toxic import Toxic
from tests.support.proxied import Proxied, proxied, until

pytestmark = pytest.mark.anyio

FAR_SEC = 600.0
"""Longer than any test: what arrives was not delayed by it."""

TIMER_SEC = 0.002
"""By so much a timer may be early."""


async def ask(streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], data: bytes = b"x") -> float:
    """Send it to the echo, and return after how many seconds it came back."""
    reader, writer = streams
    begun = time.monotonic()
    writer.write(data)
    assert await reader.readexactly(len(data)) == data
    return time.monotonic() - begun


@pytest.mark.parametrize(("stream", "ways"), [("upstream", 1), ("downstream", 1), ("both", 2)])
async def test_latency_delays_what_passes_in_its_direction(stream: str, ways: int) -> None:
    async with proxied() as there:
        streams = await there.connect()
        there.add("slow", Toxic("p", latency=0.05, stream=stream))  # type: ignore[arg-type]
        assert await ask(streams) >= ways * 0.05 - ways * TIMER_SEC


async def test_latency_in_one_direction_leaves_the_other_alone() -> None:
    async with proxied() as there:
        reader, writer = await there.connect()
        there.add("slow", Toxic("p", latency=FAR_SEC, stream="upstream"))
        writer.write(b"is under way")
        there.at_server[0][1].write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        assert there.received == b""


async def test_latencies_of_two_toxics_add_up_and_each_ends_by_its_name_in_any_order() -> None:
    async with proxied() as there:
        streams = await there.connect()
        for first, other in (("one", "two"), ("two", "one")):
            there.add(f"one-{first}", Toxic("p", latency=0.04))
            there.add(f"two-{first}", Toxic("p", latency=0.06))
            assert await ask(streams) >= 0.1 - 2 * TIMER_SEC
            there.remove(f"{first}-{first}")
            assert await ask(streams) >= (0.06 if other == "two" else 0.04) - TIMER_SEC
            there.remove(f"{other}-{first}")
        assert there.table.describe()["toxics"] == {}


async def test_data_under_way_is_delivered_in_order_when_its_latency_ends() -> None:
    async with proxied() as there:
        reader, writer = await there.connect()
        there.add("slow", Toxic("p", latency=FAR_SEC, jitter=FAR_SEC / 2, stream="both"))
        sent = b"".join(b"%04d " % number for number in range(200))
        for at in range(0, len(sent), 5):
            writer.write(sent[at : at + 5])
        await until(lambda: there.shared.queued > len(sent))
        there.remove("slow")
        assert await reader.readexactly(len(sent)) == sent
        assert there.shared.queued == 0


async def test_jitter_varies_the_latency_and_keeps_the_order() -> None:
    async with proxied() as there:
        streams = await there.connect()
        there.add("slow", Toxic("p", latency=0.02, jitter=0.02))
        took = [await ask(streams) for _ in range(30)]
        assert min(took) < 0.02, "none of 30 was delayed by less than the latency"
        assert max(took) > 0.02
        sent = bytes(range(256)) * 40
        streams[1].write(sent)
        assert await streams[0].readexactly(len(sent)) == sent


async def test_bandwidth_lets_no_more_through_than_its_rate() -> None:
    async with proxied() as there:
        streams = await there.connect()
        there.add("narrow", Toxic("p", bandwidth=200_000))
        assert await ask(streams, bytes(60_000)) >= 0.3 - TIMER_SEC
        there.add("latency", Toxic("p", latency=0.1))
        assert await ask(streams, bytes(20_000)) >= 0.2 - TIMER_SEC
        there.remove("narrow")
        there.remove("latency")
        assert await ask(streams, bytes(1_000_000)) < 5.0


async def test_a_slow_line_holds_its_sender_up() -> None:
    async with proxied() as there:
        _, writer = await there.connect()
        there.add("narrow", Toxic("p", bandwidth=10_000, stream="upstream"))
        writer.write(bytes(20_000_000))
        await until(lambda: there.shared.queued > 0)
        highest = 0
        for _ in range(20):
            highest = max(highest, there.shared.queued)
            await asyncio.sleep(0.01)
        assert highest < 4000, "more was taken than is under way"
        there.at_server[0][1].transport.abort()


async def test_a_timeout_drops_data_and_closes_both_ends_after_its_time() -> None:
    async with proxied() as there:
        reader, writer = await there.connect()
        begun = time.monotonic()
        there.add("stopped", Toxic("p", timeout=0.1, stream="upstream"))
        writer.write(b"lost")
        assert await reader.read() == b""
        assert time.monotonic() - begun >= 0.1 - TIMER_SEC
        await until(lambda: there.endings == ["end"])
        assert there.received == b""
        later, _ = await there.connect()
        assert await later.read() == b"", "it acts on new connections too"


async def test_a_timeout_of_0_never_closes_but_what_lost_data_is_closed_when_it_ends() -> None:
    async with proxied() as there:
        (lossy, writer), idle = await there.connect(), await there.connect()
        there.add("stopped", Toxic("p", timeout=0.0, stream="both"))
        before = there.table.describe()["proxies"]["p"]
        writer.write(b"lost")
        await until(lambda: _unread(writer) == 0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await lossy.read(1)
        assert there.table.describe()["proxies"]["p"] == before
        there.remove("stopped")
        assert await lossy.read() == b""
        assert there.received == b""
        await ask(idle, b"as before")


async def test_under_a_timeout_of_0_an_answer_and_its_end_do_not_arrive_but_a_mere_end_arrives_later() -> None:
    async with proxied() as there:
        (lossy, _), (ended, _) = await there.connect(), await there.connect()
        await until(lambda: len(there.at_server) == 2)
        there.add("stopped", Toxic("p", timeout=0.0))
        for (_, writer), answer in zip(there.at_server, (b"lost", b""), strict=True):
            writer.write(answer)
            writer.write_eof()
        for reader in (lossy, ended):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await reader.read()
        there.remove("stopped")
        assert (await lossy.read(), await ended.read()) == (b"", b"")


def _unread(writer: asyncio.StreamWriter) -> int:
    """Bytes that the other side has not taken yet."""
    found = array.array("i", [0])
    fcntl.ioctl(writer.get_extra_info("socket").fileno(), termios.TIOCOUTQ, found)
    return found[0]


@pytest.mark.parametrize("after_sec", [0.0, 0.1])
async def test_reset_peer_resets_both_ends(after_sec: float) -> None:
    async with proxied() as there:
        reader, writer = await there.connect()
        begun = time.monotonic()
        there.add("reset", Toxic("p", reset_peer=after_sec))
        with pytest.raises(ConnectionResetError):
            await reader.read()
        assert time.monotonic() - begun >= after_sec - TIMER_SEC
        await until(lambda: there.endings == ["reset"])
        writer.close()
        with pytest.raises(ConnectionResetError):
            await (await there.connect_anyhow())[0].read()


async def test_before_a_reset_no_answer_passes_and_an_end_of_stream_does_not_replace_it() -> None:
    async with proxied() as there:
        reader, writer = await there.connect()
        there.add("reset", Toxic("p", reset_peer=0.1, stream="downstream"))
        writer.write(b"question")
        writer.write_eof()
        with pytest.raises(ConnectionResetError):
            await reader.read()
        assert there.received == b"question"


async def test_slow_close_delays_the_end_of_the_stream_but_no_data() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"bye")

    async with proxied(greet) as there:
        reader, writer = await there.connect()
        there.add("slow", Toxic("p", slow_close=0.2))
        begun = time.monotonic()
        writer.write(b"x")
        assert await reader.readexactly(3) == b"bye"
        assert not reader.at_eof()
        assert await reader.read() == b""
        assert time.monotonic() - begun >= 0.2 - TIMER_SEC


async def test_an_end_that_slow_close_holds_back_comes_when_it_ends() -> None:
    async with proxied() as there:
        reader, writer = await there.connect()
        there.add("slow", Toxic("p", slow_close=FAR_SEC))
        writer.write_eof()
        await until(lambda: there.endings == ["end"])
        there.remove("slow")
        assert await reader.read() == b""


async def test_limit_data_passes_so_many_bytes_and_then_closes_with_fin() -> None:
    async with proxied() as there:
        reader, writer = await there.connect()
        await ask((reader, writer), b"not counted: before it")
        there.add("limit", Toxic("p", limit_data=300))
        writer.write(bytes(200))
        assert await reader.readexactly(200) == bytes(200)
        writer.write(bytes(200_000))
        assert await reader.read() == bytes(100)
        later, writer = await there.connect()
        writer.write(bytes(1000))
        assert await later.read() == bytes(300), "each connection has its own count"


async def test_a_connection_that_is_closed_before_all_was_read_ends_with_fin_all_the_same() -> None:
    async with proxied() as there:
        reader, writer = await there.connect()
        there.add("narrow", Toxic("p", bandwidth=10, stream="upstream"))
        writer.write(bytes(1000))
        await until(lambda: there.shared.queued > 0)
        there.add("limit", Toxic("p", limit_data=5))
        there.at_server[0][1].write(b"0123456789")
        assert await reader.read() == b"01234"
        assert writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0, "and no RST follows"


async def test_limit_data_and_latency_together_deliver_late_and_whole() -> None:
    async with proxied() as there:
        reader, writer = await there.connect()
        there.add("limit", Toxic("p", limit_data=300, latency=0.1))
        begun = time.monotonic()
        writer.write(bytes(5000))
        assert await reader.read() == bytes(300)
        assert time.monotonic() - begun >= 0.1 - TIMER_SEC


async def test_down_refuses_closes_what_exists_keeps_the_port_and_listens_again() -> None:
    async with proxied() as there:
        reader, _ = await there.connect()
        there.add("down", Toxic("p", down=True))
        assert await reader.read() == b""
        with pytest.raises(ConnectionRefusedError):
            await there.connect_anyhow()
        thief = socket.socket()
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use"):
            _listen(thief, there.port)
        thief.close()
        there.add("down too", Toxic("p", down=True))
        there.remove("down")
        with pytest.raises(ConnectionRefusedError):
            await there.connect_anyhow()
        there.remove("down too")
        await ask(await there.connect())


def _listen(one: socket.socket, port: int) -> None:
    one.bind(("127.0.0.1", port))
    one.listen()


async def test_toxicity_is_the_share_of_connections_that_are_hit() -> None:
    async with proxied() as there:
        there.add("some", Toxic("p", limit_data=0, toxicity=0.5))
        assert 20 <= await _count_cut(there, 100) <= 80  # by chance, once in 10^9 runs
        there.remove("some")
        there.add("none", Toxic("p", limit_data=0, toxicity=0.0))
        assert await _count_cut(there, 10) == 0


async def _count_cut(there: Proxied, count: int) -> int:
    cut = 0
    for _ in range(count):
        reader, writer = await there.connect()
        writer.write(b"x")
        cut += await reader.read(1) == b""
    return cut


async def test_a_toxic_that_was_removed_cannot_come_back_late() -> None:
    async with proxied() as there:
        assert not there.table.remove("never there")
        for name in ("never there", "was there"):
            if name == "was there":
                there.add(name, Toxic("p", latency=FAR_SEC))
                there.remove(name)
            with pytest.raises(FaultError, match="was removed already"):
                there.add(name, Toxic("p", latency=FAR_SEC))
        await ask(await there.connect())


async def test_a_name_stands_for_one_toxic_and_for_a_proxy_that_exists() -> None:
    async with proxied() as there:
        there.add("slow", Toxic("p", latency=1.0))
        with pytest.raises(FaultError, match="there is another toxic 'slow' on proxy 'p'"):
            there.add("slow", Toxic("p", latency=2.0))
        with pytest.raises(FaultError, match="there is no proxy 'q'; there are: p"):
            there.add("fast", Toxic("q", latency=2.0))
