"""A probe of Redis with a write: while Redis delays writes, it still answers PING."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.exceptions import ConnectionError as NotConnected

from demo.clock import uptime
from demo.probes.http import STRANGER
from demo.probes.result import Reading
from demo.probes.server_version import Version, redis_version

TIMEOUT_SEC = 0.4
KEEP_MS = 5000


class NotOurs(NotConnected):
    """Another process listens there; it must not be sent our password."""


@dataclass(frozen=True)
class RedisProbe:
    """Writes `key`, which is ours alone, and asks for the memory in use and the pid of the Redis process.

    `client` is called for each look; the client must not retry by itself.
    """

    client: Callable[[], "Redis"]
    key: str = "show:probe:poller"
    timeout_sec: float = TIMEOUT_SEC

    async def version(self) -> Version | None:
        """Ask for the server's version; None if it is not told."""
        try:
            async with asyncio.timeout(self.timeout_sec):
                return redis_version(await self.client().info("server"))
        except (RedisError, OSError, TimeoutError):
            return None

    async def read(self) -> Reading:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.timeout_sec):
                client = self.client()
                await client.set(self.key, round(uptime() * 1000), px=KEEP_MS)
                write_ms = (time.perf_counter() - started) * 1000
                info = await client.info()
        except (NotOurs, AuthenticationError):
            return Reading(trouble=STRANGER)
        except ResponseError:
            return Reading(trouble="refused a write")
        except TimeoutError:
            return Reading(trouble="accepts no writes")
        except (RedisError, OSError) as error:
            # redis-py has a TimeoutError of its own, which is not Python's.
            timed_out = "timeout" in type(error).__name__.lower()
            return Reading(trouble="accepts no writes" if timed_out else "connection refused")
        data = {"write_ms": write_ms, "memory_bytes": info.get("used_memory"), "process": info.get("process_id")}
        return Reading(data, took_ms=write_ms)
