"""A probe of any Redis by its URL: it answers PING, and says which role it has. It writes nothing."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, BusyLoadingError, RedisError, ResponseError

from demo.errors import InvalidValue
from demo.probes.http_fetch import UNKNOWN_NAME
from demo.probes.result import Reading
from demo.probes.server_version import Version, redis_version

TIMEOUT_SEC = 0.3

REFUSED = "refuses our user or password"


class RedisPingProbe:
    """The reading's data: `role` (`master`, `slave`, `sentinel`; None if it is not told) and `latency` in seconds.

    The connection is kept from look to look until `close`. Raises `InvalidValue` for what is not a URL of a Redis.
    """

    def __init__(self, url: str, timeout_sec: float = TIMEOUT_SEC) -> None:
        self._timeout_sec = timeout_sec
        self._lock = asyncio.Lock()
        """There is one connection: a look waits for the answer to another question."""
        try:
            # redis-py retries by default: a refused connection would take longer than the timeout.
            self._client = Redis.from_url(
                url,
                socket_timeout=timeout_sec,
                socket_connect_timeout=timeout_sec,
                retry=Retry(NoBackoff(), 0),
                max_connections=1,
                health_check_interval=0,
            )
        except ValueError as error:
            # redis-py's own text may hold a part of the URL, and so a password.
            raise InvalidValue("its URL is none of a Redis: write it like redis://127.0.0.1:6379/0") from error

    async def read(self) -> Reading:
        reading = await self._read()
        if not reading.ok:
            await self.close()  # and connect anew: a late answer must not be taken for that to the next question
        return reading

    async def version(self) -> Version | None:
        """Ask for the server's version over the same connection; None if it is not told."""
        async with self._lock:
            try:
                async with asyncio.timeout(self._timeout_sec):
                    return redis_version(await self._client.info("server"))
            except (RedisError, OSError, TimeoutError):
                await self.close()
                return None

    async def close(self) -> None:
        """Close the connection; the next look opens it again."""
        with contextlib.suppress(RedisError, OSError):
            await self._client.connection_pool.disconnect()

    async def _read(self) -> Reading:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._timeout_sec), self._lock:
                pong, role = await self._ask()
        except (RedisError, OSError, TimeoutError) as error:
            return self._describe(error)
        took_sec = time.perf_counter() - started
        if isinstance(pong, Exception):
            return self._describe(pong)
        return Reading({"role": _role(role), "latency": took_sec}, took_ms=took_sec * 1000)

    async def _ask(self) -> tuple[Any, Any]:
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.execute_command("PING")
            pipe.execute_command("ROLE")
            pong, role = await pipe.execute(raise_on_error=False)
        return pong, role

    def _describe(self, error: Exception) -> Reading:
        """Return what an error means, in words that are fit for the audience."""
        causes = (error, error.__cause__, error.__context__)
        if isinstance(error, AuthenticationError) or "NOAUTH" in str(error):
            return Reading(trouble=REFUSED, inconclusive=True)
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            return Reading(trouble=UNKNOWN_NAME, inconclusive=True)
        if "timeout" in type(error).__name__.lower():  # redis-py has a TimeoutError of its own, which is not Python's
            return Reading(trouble=f"no answer in {self._timeout_sec * 1000:.0f} ms")
        loads = isinstance(error, BusyLoadingError)
        if loads or isinstance(error, ResponseError):
            return Reading(trouble="is loading its data" if loads else "answers, but refuses a PING")
        return Reading(trouble="connection refused")


def _role(answer: object) -> str | None:
    """Return the role in an answer to ROLE; None for an error, as of a user who may not ask."""
    if not isinstance(answer, Sequence) or isinstance(answer, str | bytes) or not answer:
        return None
    role = answer[0]
    return role.decode(errors="replace") if isinstance(role, bytes) else role if isinstance(role, str) else None
