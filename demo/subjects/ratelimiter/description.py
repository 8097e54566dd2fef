"""What a rate limiter runs on: its Redis, its nodes, and what is limited and sent."""

from collections.abc import Sequence
from typing import Any

from demo.probes.redis import RedisProbe
from demo.subjects.ratelimiter.limiter_system import LimiterSystem
from demo.subjects.ratelimiter.limits import RateLimit


async def describe_limiter(system: LimiterSystem[Any]) -> Sequence[tuple[str, str]]:
    """Return names and values; the server's version is left out while it does not answer."""
    settings = system.settings
    version = await RedisProbe(system.connections.redis_client).version()
    limits = [(limit.key, _describe_limit(limit, settings.load)) for limit in settings.limits]
    return (
        *([version] if version is not None else []),
        ("nodes", str(len(system.nodes))),
        *limits,
        ("without Redis", f"each node: {settings.fallback}"),
    )


def _describe_limit(limit: RateLimit, load: float) -> str:
    return f"{limit.limit} in {limit.window_sec:g} s ({limit.algorithm}), {limit.rate * load:g} requests a second"
