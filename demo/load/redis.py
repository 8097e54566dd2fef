"""Requests to a Redis: each writes a key of the load's own and reads it again, in one round trip."""

import asyncio
import contextlib

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from demo.load.redis_connections import NOT_CONNECTED, connection_pool, describe_refusal, is_timeout
from demo.load.sender import NO_ANSWER, OK, RequestResult

KEYS = 1000
KEEP_SEC = 60
"""The keys go away by themselves so long after they were last written."""


class RedisSender:
    """Keys are `demo:load:NAME:0` to `999`. Waiting for a free connection counts. Raises `InvalidValue` for the URL."""

    def __init__(self, name: str, url: str, timeout_sec: float) -> None:
        self._name, self._timeout_sec = name, timeout_sec
        self._pool = connection_pool(url, timeout_sec)
        self._client = Redis(connection_pool=self._pool)

    async def send(self, number: int) -> RequestResult:
        key = f"demo:load:{self._name}:{number % KEYS}"
        try:
            async with asyncio.timeout(self._timeout_sec), self._client.pipeline(transaction=False) as pipe:
                pipe.set(key, number, ex=KEEP_SEC)
                pipe.get(key)
                answers = await pipe.execute(raise_on_error=False)
        except ResponseError as error:
            return RequestResult(describe_refusal(error))
        except (RedisError, OSError, TimeoutError) as error:
            return NO_ANSWER if is_timeout(error) else NOT_CONNECTED
        failed = next((answer for answer in answers if isinstance(answer, Exception)), None)
        return OK if failed is None else RequestResult(describe_refusal(failed))

    async def close(self) -> None:
        with contextlib.suppress(RedisError, OSError):
            await self._pool.disconnect()
