"""Requests to a Redis: each writes a key of the load's own and reads it again, in one round trip."""

import asyncio
import contextlib

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError, ResponseError

from demo.errors import InvalidValue
from demo.load.sender import NO_ANSWER, OK, Answer

MAX_CONNECTIONS = 50
KEYS = 1000
KEEP_SEC = 60
"""The keys go away by themselves so long after they were last written."""

NOT_CONNECTED = Answer("connection refused or broken", is_answer=False)


class RedisSender:
    """Keys are `demo:load:NAME:0` to `999`. Waiting for a free connection counts. Raises `InvalidValue` for the URL."""

    def __init__(self, name: str, url: str, timeout_sec: float) -> None:
        self._name, self._timeout_sec = name, timeout_sec
        try:
            # redis-py retries by default: one arrival must be one request.
            self._pool = BlockingConnectionPool.from_url(
                url,
                max_connections=MAX_CONNECTIONS,
                timeout=timeout_sec,
                socket_timeout=timeout_sec,
                socket_connect_timeout=timeout_sec,
                retry=Retry(NoBackoff(), 0),
                health_check_interval=0,
            )
        except ValueError as error:
            # redis-py's own text may hold a part of the URL, and so a password.
            raise InvalidValue("its URL is none of a Redis: write it like redis://127.0.0.1:6379/0") from error
        self._client = Redis(connection_pool=self._pool)

    async def send(self, number: int) -> Answer:
        key = f"demo:load:{self._name}:{number % KEYS}"
        try:
            async with asyncio.timeout(self._timeout_sec), self._client.pipeline(transaction=False) as pipe:
                pipe.set(key, number, ex=KEEP_SEC)
                pipe.get(key)
                answers = await pipe.execute(raise_on_error=False)
        except ResponseError as error:
            return Answer(_describe(error))
        except (RedisError, OSError, TimeoutError) as error:
            # redis-py has a TimeoutError of its own, which is not Python's.
            timed_out = "timeout" in type(error).__name__.lower() or "no connection" in str(error).lower()
            return NO_ANSWER if timed_out else NOT_CONNECTED
        failed = next((answer for answer in answers if isinstance(answer, Exception)), None)
        return OK if failed is None else Answer(_describe(failed))

    async def close(self) -> None:
        with contextlib.suppress(RedisError, OSError):
            await self._pool.disconnect()


def _describe(error: Exception) -> str:
    """Return what Redis refuses, without the address or key that its text may hold."""
    if isinstance(error, ReadOnlyError):
        return "it is a replica, which refuses writes"
    return "it has no memory left" if isinstance(error, OutOfMemoryError) else "it refuses the command"
