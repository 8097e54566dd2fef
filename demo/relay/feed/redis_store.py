"""The feed's keys in Redis: the only module of it that uses redis-py.

Every call has a timeout, and every failure is raised as a `FeedError`.
"""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from demo.errors import FeedError, UsageError
from demo.narration import MAX_IMAGES_BYTES
from demo.relay.feed.address import ESCAPED, FeedAddress
from demo.relay.feed.message import Fields

if TYPE_CHECKING:
    from redis.asyncio import Redis

# A relay needs only the newest message, whatever it has missed (docs/decisions/0016).
MAX_MESSAGES = 16
MAX_BEATS = 4
MAX_VOTE_ENTRIES = 2_000
KEPT_SEC = 24 * 3600
"""A show's keys expire this long after they were last written."""

ANSWER_SEC = 2.0
BLOCK_SEC = 1.0
IMAGE_SEC = 20.0
"""For one image, which may have some megabytes."""

COUNTED_SEC = 5
"""A relay's count of viewers expires after this many seconds."""


AGAIN_SEC = (0.1, 2.0)
"""The shortest and the longest pause before Redis is tried again."""

ADD = """
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return owner end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[3], '*', unpack(ARGV, 4))
redis.call('EXPIRE', KEYS[2], ARGV[2])
return ARGV[1]
"""
"""Adds an entry, unless another run owns the show. A script, so that the check and the adding are one step: otherwise
an entry of the old owner could come after the new one's first."""

_CONNECTING = re.compile(r"Error -?\d+ connecting to \S+ (.*)")
"""redis-py's message; its address is left out, for our own message begins with it."""


@dataclass(frozen=True, slots=True)
class RedisEntry:
    """One entry of a show's two streams. `age_sec` is its age by Redis's clock when it was read."""

    is_message: bool
    fields: Fields
    age_sec: float = 0.0

    def word(self, name: str) -> str:
        """Return a field as text; empty when it is missing."""
        return _to_text(self.fields.get(name.encode()))


@dataclass(slots=True)
class StreamPosition:
    """How far a relay has read each stream."""

    messages: bytes = b"0-0"
    beats: bytes = b"0-0"


@dataclass(frozen=True, slots=True)
class HeartbeatResult:
    """What Redis answers to a heartbeat. `owner`: the run that owns the show; `viewers`: the sum of all relays.

    `images`: how many images of the deck are there.
    """

    owner: str
    has_message: bool
    viewers: int
    images: int = 0


class RelayStore:
    """The keys of one show on one Redis. It connects at the first call, and reconnects by itself."""

    def __init__(self, address: FeedAddress) -> None:
        """Create the client, without connecting. Raises `UsageError` for TLS options or files that do not exist."""
        self.address = address
        self._client = _create_client(address)
        self._messages, self._beats = address.key("pictures"), address.key("beats")
        self._owner, self._relays = address.key("owner"), address.key("relays")
        self._images = address.key("images")
        self._votes = address.key("votes")

    async def close(self) -> None:
        """Close the connections; safe to call twice."""
        await self._client.aclose()

    # The conductor's side.

    async def claim(self, run: str) -> None:
        """Make `run` the owner of the show; another run that still publishes it learns that with its next call."""
        pipe = self._client.pipeline(transaction=True)
        pipe.set(self._owner, run, ex=KEPT_SEC)
        pipe.delete(self._images)  # those of a show that had the same name
        await self._call(pipe.execute)

    async def put_images(self, images: Mapping[str, bytes]) -> None:
        """Store images of the deck by their names, one after the other: each may be large."""
        for name, body in images.items():
            await self._call(lambda: self._client.hset(self._images, name, body), IMAGE_SEC)  # noqa: B023 - awaited here

    async def put(self, run: str, fields: Mapping[str, str | bytes]) -> str:
        """Add a message, unless another run owns the show by now; return the owner."""
        return _to_text(await self._call(lambda: self._add(self._client, self._messages, MAX_MESSAGES, run, fields)))

    async def send_heartbeat(self, run: str, beat: Mapping[str, str] | None) -> HeartbeatResult:
        """Add a heartbeat, if one is given; return who owns the show and how many viewers the relays have."""
        pipe = self._client.pipeline(transaction=True)
        if beat is not None:
            self._add(pipe, self._beats, MAX_BEATS, run, beat)
        # While a show does not change, no entry is added that would renew these.
        for key in (self._messages, self._beats, self._owner, self._images):
            pipe.expire(key, KEPT_SEC)
        pipe.get(self._owner)
        pipe.exists(self._messages)
        pipe.smembers(self._relays)
        pipe.hlen(self._images)
        *_, owner, exists, relays, images = await self._call(pipe.execute)
        return HeartbeatResult(_to_text(owner) or run, bool(exists), await self._count_viewers(sorted(relays)), images)

    def _add(self, client: Any, key: str, max_entries: int, run: str, fields: Mapping[str, str | bytes]) -> Any:
        names_and_values = [item for field in fields.items() for item in field]
        return client.eval(ADD, 2, self._owner, key, run, KEPT_SEC, max_entries, *names_and_values)

    async def _count_viewers(self, relays: Sequence[bytes]) -> int:
        if not relays:
            return 0
        counts = await self._call(
            lambda: self._client.mget([self._build_viewers_key(_to_text(relay)) for relay in relays])
        )
        expired = [relay for relay, count in zip(relays, counts, strict=True) if count is None]
        if expired:
            await self._call(lambda: self._client.srem(self._relays, *expired))
        return sum(int(count) for count in counts if count is not None and count.isdigit())

    # A relay's side.

    async def newest(self) -> tuple[StreamPosition, list[RedisEntry]]:
        """Return the last message and the last heartbeat, if any, and the position from which to read on."""
        pipe = self._client.pipeline(transaction=True)
        pipe.time()
        pipe.xrevrange(self._messages, count=1)
        pipe.xrevrange(self._beats, count=1)
        (seconds, micros), messages, beats = await self._call(pipe.execute)
        now, position, entries = seconds + micros / 1e6, StreamPosition(), []
        for ident, fields in messages:
            position.messages = ident
            entries.append(RedisEntry(True, fields, _compute_age(ident, now)))
        for ident, fields in beats:
            position.beats = ident
            entries.append(RedisEntry(False, fields, _compute_age(ident, now)))
        return position, entries

    async def follow(self, place: StreamPosition) -> list[RedisEntry]:
        """Wait for new entries and return them, none after `BLOCK_SEC`. Moves `place` behind them."""
        since = {self._messages: place.messages, self._beats: place.beats}
        block = int(BLOCK_SEC * 1000)
        # Blocking, so that a new message reaches the relay at once and a quiet show costs Redis nothing.
        answer = await self._call(lambda: self._client.xread(since, block=block), BLOCK_SEC + ANSWER_SEC)  # type: ignore[arg-type]
        entries = []
        for key, items in answer or ():
            is_message = _to_text(key) == self._messages
            for ident, fields in items:
                if is_message:
                    place.messages = ident
                else:
                    place.beats = ident
                entries.append(RedisEntry(is_message, fields))
        return entries

    async def image(self, name: str) -> bytes | None:
        """Return an image of the deck by its name; None if there is none."""
        size = await self._call(lambda: self._client.hstrlen(self._images, name))
        if size > MAX_IMAGES_BYTES:
            raise FeedError(f"{self.address} has an image of {size} bytes, which no show has")
        body: bytes | None = await self._call(lambda: self._client.hget(self._images, name), IMAGE_SEC)
        return body

    async def count(self, relay: str, viewers: int) -> None:
        """Store how many viewers this relay has; it must be stored again before `COUNTED_SEC` have passed."""
        pipe = self._client.pipeline(transaction=True)
        # With an expiry: a relay that was killed must not count its viewers for ever.
        pipe.set(self._build_viewers_key(relay), viewers, ex=COUNTED_SEC)
        pipe.sadd(self._relays, relay)
        pipe.expire(self._relays, KEPT_SEC)
        await self._call(pipe.execute)

    # Votes, from a relay to the conductor.

    async def put_votes(self, epoch: str, votes: str) -> None:
        """Add votes for the show of this epoch."""
        pipe = self._client.pipeline(transaction=True)
        pipe.xadd(self._votes, {"epoch": epoch, "votes": votes}, maxlen=MAX_VOTE_ENTRIES)
        pipe.expire(self._votes, KEPT_SEC)
        await self._call(pipe.execute)

    async def wait_for_votes(self, after: str) -> list[tuple[str, str, str]]:
        """Wait for entries behind the id `after`; return id, epoch and votes of each, none after `BLOCK_SEC`."""
        block = int(BLOCK_SEC * 1000)
        answer = await self._call(
            lambda: self._client.xread({self._votes: after}, count=100, block=block), BLOCK_SEC + ANSWER_SEC
        )
        return [
            (_to_text(ident), _to_text(fields.get(b"epoch")), _to_text(fields.get(b"votes")))
            for _, items in answer or ()
            for ident, fields in items
        ]

    async def delete_votes(self, idents: Sequence[str]) -> None:
        """Delete entries that were counted."""
        if idents:
            await self._call(lambda: self._client.xdel(self._votes, *idents))

    async def uncount(self, relay: str) -> None:
        """Remove this relay's count of viewers."""
        await self._call(lambda: self._client.delete(self._build_viewers_key(relay)))

    def _build_viewers_key(self, relay: str) -> str:
        return self.address.key(f"viewers:{relay}")

    async def _call(self, command: Callable[[], Awaitable[Any]], timeout_sec: float = ANSWER_SEC) -> Any:
        from redis.exceptions import RedisError  # noqa: PLC0415 - only a show with relays needs this slow import

        try:
            async with asyncio.timeout(timeout_sec):
                answer = await command()
        except (RedisError, OSError, TimeoutError) as error:
            raise FeedError(f"{self.address} {_describe_error(error)}") from error
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError  # redis-py may swallow a cancellation that comes together with an answer.
        return answer


def _create_client(address: FeedAddress) -> "Redis":
    """Create a client without retries (our timeout of 2 s includes them) and with RESP2 (answers have one shape)."""
    from redis.asyncio import Redis  # noqa: PLC0415
    from redis.asyncio.retry import Retry  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415

    try:
        client = Redis.from_url(
            address.url,
            socket_connect_timeout=ANSWER_SEC,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
            protocol=2,
        )
        # Connects to nothing, but checks the options, which would otherwise fail at the first call.
        client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, OSError) as error:
        raise UsageError(f"--redis {address} has an option that cannot be used: {error}") from None
    return client


def _describe_error(error: BaseException) -> str:
    """Describe an error of redis-py or the network for people; the text continues a sentence about the address."""
    from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError  # noqa: PLC0415

    text = str(error).strip().split("\n")[0][:160]
    if isinstance(error, NoPermissionError):
        return f"does not give this user the rights that relays need: {text}"
    if isinstance(error, AuthenticationError) or text.startswith(("NOAUTH", "WRONGPASS")):
        return f"refuses this password: write the right one in the URL, like redis://:PASSWORD@HOST:PORT; {ESCAPED}"
    if isinstance(error, ResponseError):
        return f"refuses: {text}"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "shows a certificate that is not trusted: name its CA in the URL with ?ssl_ca_certs=FILE"
    if isinstance(error, TimeoutError) or "Timeout" in text:
        return "does not answer"
    refusal = _CONNECTING.fullmatch(text)
    return f"cannot be reached: {(refusal[1] if refusal else text).rstrip('.') or type(error).__name__}"


def retry_delay_sec(tried: int) -> float:
    """Return the seconds to wait after `tried` failed attempts, with jitter so that relays do not come all at once."""
    first, longest = AGAIN_SEC
    return min(longest, first * 2.0 ** min(tried, 10)) * random.uniform(0.7, 1.0)  # noqa: S311 - not a secret


def _to_text(value: bytes | str | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""


def _compute_age(ident: bytes, now: float) -> float:
    """Compute an entry's age in seconds: ids of a Redis stream begin with Redis's time in milliseconds."""
    return max(0.0, now - int(ident.partition(b"-")[0]) / 1000)
