"""A probe of Redis with a write: while Redis holds writes, PING would stay green."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from demo.clock import uptime
from demo.health.reading import Reading

DEADLINE_SEC = 0.4
KEEP_MS = 5000


@dataclass(frozen=True)
class RedisProbe:
    """Writes `key`, which is ours, and asks for the memory in use.

    `client` is asked for at each look; it must be without hidden retries.
    """

    client: Callable[[], "Redis"]
    key: str = "show:probe:poller"
    deadline_sec: float = DEADLINE_SEC

    async def look(self) -> Reading:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.deadline_sec):
                client = self.client()
                await client.set(self.key, round(uptime() * 1000), px=KEEP_MS)
                write_ms = (time.perf_counter() - started) * 1000
                memory = await client.info("memory")
        except ResponseError:
            return Reading(trouble="refused a write")
        except TimeoutError:
            return Reading(trouble="takes no writes")
        except (RedisError, OSError) as error:
            held = "timeout" in type(error).__name__.lower()
            return Reading(trouble="takes no writes" if held else "nobody listens")
        return Reading({"write_ms": write_ms, "memory_bytes": memory.get("used_memory")}, took_ms=write_ms)
