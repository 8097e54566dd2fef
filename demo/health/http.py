"""A probe over HTTP: one request, whose answer is a JSON object."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from demo.health.reading import Reading

DEADLINE_SEC = 0.4


@dataclass(frozen=True)
class HttpProbe:
    """`session` is asked for at each look: whoever owns it decides when it is opened and closed."""

    session: Callable[[], aiohttp.ClientSession]
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    deadline_sec: float = DEADLINE_SEC
    posts: Mapping[str, Any] | None = None
    """What is sent as JSON by POST; None asks by GET."""

    async def look(self) -> Reading:
        started = time.perf_counter()
        try:
            async with (
                asyncio.timeout(self.deadline_sec),
                self.session().request(
                    "GET" if self.posts is None else "POST", self.url, headers=self.headers, json=self.posts
                ) as answer,
            ):
                body = await answer.read()
                status = answer.status
        except TimeoutError:
            return Reading(trouble=f"no answer in {self.deadline_sec * 1000:.0f} ms")
        except aiohttp.ClientConnectorError:
            return Reading(trouble="nobody listens")
        except (aiohttp.ClientError, OSError, RuntimeError):  # aiohttp raises the last for a closed session
            return Reading(trouble="hung up without an answer")
        if status != 200:
            return Reading(trouble=f"answered with status {status}")
        return _read(body, (time.perf_counter() - started) * 1000)


def _read(body: bytes, took_ms: float) -> Reading:
    try:
        data = json.loads(body)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        return Reading(trouble="answered with something else than a JSON object")
    return Reading(data, took_ms=took_ms)
