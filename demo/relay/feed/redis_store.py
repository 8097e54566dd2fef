"""The one place that speaks to Redis for relays. Every call has a deadline; every failure is a `FeedError`."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from demo.errors import FeedError, UsageError
from demo.relay.feed.address import ESCAPED, Address
from demo.relay.feed.message import Fields

if TYPE_CHECKING:
    from redis.asyncio import Redis

MAX_PICTURES = 16
MAX_BEATS = 4
KEPT_SEC = 24 * 3600
"""What a show leaves in Redis is gone so long after its last word."""

ANSWER_SEC = 2.0
BLOCK_SEC = 1.0
COUNTED_SEC = 5
"""How long a relay's count of viewers is worth anything."""


AGAIN_SEC = (0.1, 2.0)
"""How long a lost Redis is left alone: at first, and at most."""

ADD = """
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return owner end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[3], '*', unpack(ARGV, 4))
redis.call('EXPIRE', KEYS[2], ARGV[2])
return ARGV[1]
"""
"""One step, so that nothing of a run whose show another one took over comes behind the other's."""

_CONNECTING = re.compile(r"Error -?\d+ connecting to \S+ (.*)")
"""As redis-py words it; the address stands in our sentence already."""


@dataclass(frozen=True, slots=True)
class RedisEntry:
    """One entry of a show's streams. `age_sec`: by Redis's own clock, as of when it was read."""

    is_picture: bool
    fields: Fields
    age_sec: float = 0.0

    def word(self, name: str) -> str:
        """A short field as text; empty when it is missing."""
        return _text(self.fields.get(name.encode()))


@dataclass(slots=True)
class StreamPosition:
    """How far a relay has read each stream."""

    pictures: bytes = b"0-0"
    beats: bytes = b"0-0"


@dataclass(frozen=True, slots=True)
class Found:
    """What a conductor learns with each pulse. `owner`: whose show it is; `viewers`: of all relays together."""

    owner: str
    has_picture: bool
    viewers: int


class RelayStore:
    """A show's keys on one Redis. Connects on first use, and again by itself."""

    def __init__(self, address: Address) -> None:
        """Raises `UsageError` for options of TLS that do not exist, or a file of theirs that is not there."""
        self.address = address
        self._client = _client(address)
        self._pictures, self._beats = address.key("pictures"), address.key("beats")
        self._owner, self._relays = address.key("owner"), address.key("relays")

    async def close(self) -> None:
        """Let go of the connections; safe to call twice."""
        await self._client.aclose()

    # The conductor's side.

    async def claim(self, run: str) -> None:
        """From now on the show is this run's; another one that still publishes it finds that out."""
        await self._ask(lambda: self._client.set(self._owner, run, ex=KEPT_SEC))

    async def put(self, run: str, fields: Mapping[str, str | bytes]) -> str:
        """Add a picture, unless the show is another run's by now; returns whose it is."""
        return _text(await self._ask(lambda: self._added(self._client, self._pictures, MAX_PICTURES, run, fields)))

    async def pulse(self, run: str, beat: Mapping[str, str] | None) -> Found:
        """Add a beat, if one is due, and look who is watching."""
        pipe = self._client.pipeline(transaction=True)
        if beat is not None:
            self._added(pipe, self._beats, MAX_BEATS, run, beat)
        for key in (self._pictures, self._beats, self._owner):
            pipe.expire(key, KEPT_SEC)
        pipe.get(self._owner)
        pipe.exists(self._pictures)
        pipe.smembers(self._relays)
        *_, owner, exists, relays = await self._ask(pipe.execute)
        return Found(_text(owner) or run, bool(exists), await self._viewers(sorted(relays)))

    def _added(self, client: Any, key: str, most: int, run: str, fields: Mapping[str, str | bytes]) -> Any:
        words = [word for field in fields.items() for word in field]
        return client.eval(ADD, 2, self._owner, key, run, KEPT_SEC, most, *words)

    async def _viewers(self, relays: Sequence[bytes]) -> int:
        if not relays:
            return 0
        counts = await self._ask(lambda: self._client.mget([self._count_of(_text(relay)) for relay in relays]))
        gone = [relay for relay, count in zip(relays, counts, strict=True) if count is None]
        if gone:
            await self._ask(lambda: self._client.srem(self._relays, *gone))
        return sum(int(count) for count in counts if count is not None and count.isdigit())

    # A relay's side.

    async def newest(self) -> tuple[StreamPosition, list[RedisEntry]]:
        """What is there already: the last picture and the last beat, and from where to read on."""
        pipe = self._client.pipeline(transaction=True)
        pipe.time()
        pipe.xrevrange(self._pictures, count=1)
        pipe.xrevrange(self._beats, count=1)
        (seconds, micros), pictures, beats = await self._ask(pipe.execute)
        now, place, entries = seconds + micros / 1e6, StreamPosition(), []
        for ident, fields in pictures:
            place.pictures = ident
            entries.append(RedisEntry(True, fields, _age(ident, now)))
        for ident, fields in beats:
            place.beats = ident
            entries.append(RedisEntry(False, fields, _age(ident, now)))
        return place, entries

    async def follow(self, place: StreamPosition) -> list[RedisEntry]:
        """What came since, as soon as anything does; nothing when a while passes without. Moves `place` on."""
        since = {self._pictures: place.pictures, self._beats: place.beats}
        block = int(BLOCK_SEC * 1000)
        answer = await self._ask(lambda: self._client.xread(since, block=block), BLOCK_SEC + ANSWER_SEC)  # type: ignore[arg-type]
        entries = []
        for key, found in answer or ():
            is_picture = _text(key) == self._pictures
            for ident, fields in found:
                if is_picture:
                    place.pictures = ident
                else:
                    place.beats = ident
                entries.append(RedisEntry(is_picture, fields))
        return entries

    async def count(self, relay: str, viewers: int) -> None:
        """Say how many watch through this relay; to be said again before `COUNTED_SEC` have passed."""
        pipe = self._client.pipeline(transaction=True)
        pipe.set(self._count_of(relay), viewers, ex=COUNTED_SEC)
        pipe.sadd(self._relays, relay)
        pipe.expire(self._relays, KEPT_SEC)
        await self._ask(pipe.execute)

    async def uncount(self, relay: str) -> None:
        """This relay ends."""
        await self._ask(lambda: self._client.delete(self._count_of(relay)))

    def _count_of(self, relay: str) -> str:
        return self.address.key(f"viewers:{relay}")

    async def _ask(self, command: Callable[[], Awaitable[Any]], within_sec: float = ANSWER_SEC) -> Any:
        from redis.exceptions import RedisError  # noqa: PLC0415 - only who has relays waits for this import

        try:
            async with asyncio.timeout(within_sec):
                answer = await command()
        except (RedisError, OSError, TimeoutError) as error:
            raise FeedError(f"{self.address} {_why(error)}") from error
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError  # redis-py may swallow one that meets an answer.
        return answer


def _client(address: Address) -> "Redis":
    """redis-py retries by default: a deadline of 2 s would take many. RESP2: the shape of answers is one."""
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
        client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, OSError) as error:
        raise UsageError(f"--redis {address} has an option that cannot be used: {error}") from None
    return client


def _why(error: BaseException) -> str:
    """What the foreign error means, in our words."""
    from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError  # noqa: PLC0415

    text = str(error).strip().split("\n")[0][:160]
    if isinstance(error, NoPermissionError):
        return f"does not allow this user what relays need: {text}"
    if isinstance(error, AuthenticationError) or text.startswith(("NOAUTH", "WRONGPASS")):
        return f"refuses this password: give the right one in the URL, as in redis://:PASSWORD@HOST:PORT; {ESCAPED}"
    if isinstance(error, ResponseError):
        return f"refuses: {text}"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "shows a certificate that is not trusted: name its CA in the URL with ?ssl_ca_certs=FILE"
    if isinstance(error, TimeoutError) or "Timeout" in text:
        return "does not answer"
    refusal = _CONNECTING.fullmatch(text)
    return f"cannot be reached: {(refusal[1] if refusal else text).rstrip('.') or type(error).__name__}"


def pause(tried: int) -> float:
    """Seconds before the next try, where so many have failed: never all relays at once."""
    first, most = AGAIN_SEC
    return min(most, first * 2.0 ** min(tried, 10)) * random.uniform(0.7, 1.0)  # noqa: S311 - not a secret


def _text(value: bytes | str | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""


def _age(ident: bytes, now: float) -> float:
    """Ids of a stream begin with Redis's clock in milliseconds."""
    return max(0.0, now - int(ident.partition(b"-")[0]) / 1000)
