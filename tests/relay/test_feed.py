"""The feed of relays over a real Redis: what is dropped, what is refused, whose clock counts."""

import asyncio
import contextlib
import time
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from demo.errors import FeedError, UsageError
from demo.relay.feed import FeedMessage, Publisher, RelayStore, Subscriber, feed_address
from demo.relay.feed.message import parse_message
from demo.relay.feed.redis_store import MAX_MESSAGES
from tests.support.relays import RedisServer, any_show, pausable_proxy, redis_server

MESSAGE = FeedMessage(
    "e", 7, "run-1", 1000.0, "A show", "b" * 12, {"narration": "<h1>é</h1>".encode()}, {"seq": 7, "said": "\ud800"}
)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as found:
        yield found


@pytest.fixture
async def store(redis: RedisServer) -> AsyncIterator[RelayStore]:
    found = RelayStore(feed_address(redis.url, any_show()))
    yield found
    await found.close()


async def met(condition: Callable[[], bool], limit: float = 5.0) -> None:
    """Wait for it, within `limit` seconds."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"not within {limit} s"
        await asyncio.sleep(0.01)


class Watching:
    """A subscriber, and what it told."""

    def __init__(self, store: RelayStore) -> None:
        self.messages: list[FeedMessage] = []
        self.said: list[str] = []
        self.subscriber = Subscriber(store, self.messages.append, self.said.append)

    async def until(self, ident: str) -> FeedMessage:
        await met(lambda: bool(self.messages) and self.messages[-1].ident == ident)
        return self.messages[-1]


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def following(store: RelayStore) -> AsyncIterator[Watching]:
    watching = Watching(store)
    async with running(watching.subscriber.run()):
        yield watching


async def put(store: RelayStore, message: FeedMessage) -> str:
    return await store.put(message.run, message.fields())


def raw(message: FeedMessage) -> dict[bytes, bytes]:
    return {n.encode(): v if isinstance(v, bytes) else v.encode() for n, v in message.fields().items()}


def test_a_message_comes_back_as_it_was() -> None:
    assert parse_message(raw(MESSAGE)) == MESSAGE


@pytest.mark.parametrize(
    "change",
    [
        {b"format": b"2"},
        {b"body": b"not packed"},
        {b"body": raw(MESSAGE)[b"body"][:40]},
        {b"at": b"e-x"},
        {b"now": b"soon"},
    ],
)
def test_an_entry_that_is_damaged_or_of_another_version_is_refused(change: dict[bytes, bytes]) -> None:
    with pytest.raises(FeedError, match="the show in Redis is"):
        parse_message(raw(MESSAGE) | change)


def test_a_message_that_would_fill_the_memory_is_refused() -> None:
    bomb = replace(MESSAGE, regions={"narration": b" " * 9_000_000})
    with pytest.raises(FeedError, match="damaged"):
        parse_message(raw(bomb))


@pytest.mark.parametrize(
    ("message", "follows"),
    [
        (replace(MESSAGE, seq=8), True),
        (MESSAGE, False),
        (replace(MESSAGE, now=1001.0), True),
        (replace(MESSAGE, seq=6, now=1001.0), False),
        (replace(MESSAGE, seq=6), False),
        (replace(MESSAGE, seq=3, run="run-2"), True),
        (replace(MESSAGE, seq=1, epoch="f"), True),
        # A step back in a recording that a show shows: its clock goes back, its number stays.
        (replace(MESSAGE, shown=1, now=900.0), True),
    ],
)
def test_what_follows_a_message(message: FeedMessage, follows: bool) -> None:
    assert message.follows(MESSAGE) is follows
    assert MESSAGE.follows(None)


def test_an_address_is_shown_without_its_password() -> None:
    for url, said in (
        ("redis://:secret@host:1/2", "redis://host:1/2"),
        ("rediss://user:secret@host", "rediss://host"),
        ("unix://:secret@/run/redis.sock", "unix:///run/redis.sock"),
    ):
        assert str(feed_address(url)) == said
    with pytest.raises(UsageError):
        feed_address("redis://")


@pytest.mark.parametrize(
    "url",
    [
        "redis://:p@hidden/word#x@host",
        "redis://:hidden/word@host:6379",
        "redis://:hidden?word@host",
        "redis://:hidden#word@host",
        "redis://user:12#hidden@host:6379/0",
        "redis://:p@hidden?word=1@host",
        "redis://:a@hidden/word@host/0?db=1",
        "redis://:hidden[word@host",
        "rediss://:hidden]word@host",
        "redis://:1@host#hidden",
        "unix://:hidden/word@/run/redis.sock",
    ],
)
def test_a_password_that_is_not_escaped_is_said_with_the_remedy_and_never_shown(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        feed_address(url)
    assert "write / as %2F" in str(refused.value)
    told = "".join(traceback.format_exception(refused.value))
    assert not [word for word in ("hidden", "word#", "word@", "/word") if word in told.split("UsageError", 1)[1]]


def test_a_password_that_is_escaped_arrives_and_no_text_of_the_address_holds_it() -> None:
    address = feed_address("redis://:p%40ss%2Fword%23x@host:6379/1?db=1")
    assert (str(address), "p%40" in repr(address)) == ("redis://host:6379/1", False)
    assert RelayStore(address)._client.connection_pool.connection_kwargs["password"] == "p@ss/word#x"
    for url in ("rediss://host?ssl_ca_certs=/x@y.pem", "unix:///run/a@b.sock", "redis://:p@ss@host"):
        feed_address(url)


@pytest.mark.anyio
async def test_a_late_subscriber_gets_the_newest_message_alone(store: RelayStore) -> None:
    for seq in range(1, 6):
        await put(store, replace(MESSAGE, seq=seq))
    async with following(store) as watching:
        await watching.until("e-5")
        assert [message.seq for message in watching.messages] == [5]


@pytest.mark.anyio
async def test_an_older_message_of_the_same_run_is_dropped_and_a_new_runs_is_not(store: RelayStore) -> None:
    async with following(store) as watching:
        await put(store, MESSAGE)
        await watching.until("e-7")
        await put(store, replace(MESSAGE, seq=5))
        await store.claim("run-2")
        await put(store, replace(MESSAGE, seq=6, run="run-2"))
        await watching.until("e-6")
        assert [(message.run, message.seq) for message in watching.messages] == [("run-1", 7), ("run-2", 6)]


@pytest.mark.anyio
async def test_a_run_whose_show_was_taken_over_can_add_nothing(redis: RedisServer, store: RelayStore) -> None:
    assert await put(store, MESSAGE) == "run-1", "nobody's: it is claimed on the way"
    await store.claim("run-2")
    assert await put(store, replace(MESSAGE, seq=8)) == "run-2"
    assert (await store.send_heartbeat("run-1", {"run": "run-1", "at": "e-8", "now": "1"})).owner == "run-2"
    assert redis.client.xlen(store.address.key("pictures")) == 1
    assert not redis.client.exists(store.address.key("beats"))


@pytest.mark.anyio
async def test_what_cannot_be_read_is_said_once_and_counts_for_nothing(store: RelayStore) -> None:
    async with following(store) as watching:
        await put(store, MESSAGE)
        await watching.until("e-7")
        await store.claim("run-2")
        for seq in (8, 9):
            await store.put("run-2", {**replace(MESSAGE, seq=seq, run="run-2").fields(), "format": "2"})
        await put(store, replace(MESSAGE, seq=10, run="run-2"))
        await watching.until("e-10")
        assert len([line for line in watching.said if "use one version" in line]) == 1


@pytest.mark.anyio
async def test_only_a_heartbeat_for_the_very_message_that_is_shown_keeps_it_live(store: RelayStore) -> None:
    """Beats on a message that could not be read must not make an old one look live."""
    now = 100.0
    subscriber = Subscriber(store, lambda _: None, lambda _: None, lambda: now)
    await put(store, MESSAGE)
    subscriber._process((await store.newest())[1])
    now += 2
    await store.send_heartbeat("run-1", {"run": "run-1", "at": "e-7", "now": repr(1002.0)})
    subscriber._process([entry for entry in (await store.newest())[1] if not entry.is_message])
    now += 2
    assert subscriber.lost_since is None
    await store.send_heartbeat("run-1", {"run": "run-1", "at": "e-8", "now": repr(1004.0)})
    subscriber._process([entry for entry in (await store.newest())[1] if not entry.is_message])
    now += 1.5
    assert subscriber.lost_since == pytest.approx(1002.0, abs=0.5)


@pytest.mark.anyio
async def test_the_conductors_clock_counts_however_wrong_it_is(store: RelayStore) -> None:
    async with following(store) as watching:
        ahead = time.time() + 3600
        await put(store, replace(MESSAGE, now=ahead))
        await watching.until("e-7")
        # From the message's time on it counts: never behind it, and ahead of us by no more than that hour.
        assert ahead <= watching.subscriber.now() <= time.time() + 3600.01


@pytest.mark.anyio
@pytest.mark.parametrize("replay", [{"recorded_at": "2025-01-01", "rate": 1.0}, {"recorded_at": "x", "rate": 0.0}])
async def test_the_clock_of_a_recording_counts_from_its_first_message_on(
    store: RelayStore, replay: dict[str, object]
) -> None:
    async with following(store) as watching:
        await put(store, replace(MESSAGE, now=time.time()))
        await watching.until("e-7")
        await put(store, replace(MESSAGE, seq=8, now=1000.0, state={"replay": replay}))
        await watching.until("e-8")
        assert 1000.0 <= watching.subscriber.now() <= 1010.0
        await put(store, replace(MESSAGE, seq=9, now=time.time()))
        await watching.until("e-9")
        assert watching.subscriber.now() <= time.time() + 1.0


class Made:
    """A publisher of numbered messages, and what it told."""

    def __init__(self, store: RelayStore) -> None:
        self.seq = 0
        self.viewers: list[int] = []
        self.said: list[str] = []
        self.publisher = Publisher(store, self.make, self.viewers.append, lambda text, _: self.said.append(text))

    def make(self, publisher: Publisher) -> FeedMessage:
        return replace(MESSAGE, seq=self.seq, run=publisher.run_id, now=time.time())

    def change(self) -> None:
        self.seq += 1
        self.publisher.changed()


@asynccontextmanager
async def publishing(store: RelayStore) -> AsyncIterator[Made]:
    made = Made(store)
    async with running(made.publisher.run()):
        yield made


@pytest.mark.anyio
async def test_while_redis_is_slow_only_the_newest_message_waits(redis: RedisServer) -> None:
    show = any_show()
    with pausable_proxy(redis.port) as line:
        slow = RelayStore(feed_address(f"redis://127.0.0.1:{line.port}", show))
        near = RelayStore(feed_address(redis.url, show))
        async with publishing(slow) as made, following(near) as watching:
            made.change()
            await watching.until("e-1")
            line.pause()
            for _ in range(1000):
                made.change()
                await asyncio.sleep(0)
            line.resume()
            await watching.until("e-1001")
            assert len(watching.messages) <= 4
        await near.close()


@pytest.mark.anyio
async def test_a_publisher_in_a_hurry_keeps_the_stream_short(redis: RedisServer, store: RelayStore) -> None:
    async with publishing(store) as made, following(store) as watching:
        for _ in range(200):
            made.change()
            await asyncio.sleep(0.002)
        await watching.until("e-200")
    assert redis.client.xlen(store.address.key("pictures")) <= MAX_MESSAGES


@pytest.mark.anyio
async def test_a_silent_show_is_heard_of_all_the_same(store: RelayStore) -> None:
    async with publishing(store) as made, following(store) as watching:
        made.change()
        await watching.until("e-1")
        await met(lambda: len(watching.subscriber._clock_offsets) >= 4 or watching.subscriber.lost_since is not None, 8)
        assert watching.subscriber.lost_since is None
        assert [message.seq for message in watching.messages] == [1]


@pytest.mark.anyio
async def test_the_counts_of_relays_are_summed_until_they_expire(redis: RedisServer, store: RelayStore) -> None:
    await store.count("one", 3)
    await store.count("two", 4)
    assert (await store.send_heartbeat("run-1", None)).viewers == 7
    await store.uncount("one")
    assert (await store.send_heartbeat("run-1", None)).viewers == 4
    assert redis.client.smembers(store.address.key("relays")) == {b"two"}
