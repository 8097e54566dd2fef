"""The account of one run of a fault: what traffic and backend counted since it began, read at one moment.

The health samples are not enough: they cover the last 30 s, which may include an earlier run, and may be old.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.clock import CLOCK
from demo.probes.result import Reading
from demo.processes.supervised import ObservedProcess
from demo.subjects.ratelimiter.limiter_system import LimiterSystem

ANSWER_SEC = 1.0
TIMEOUT_SEC = 3.0
"""The time for several tries: on a busy machine the first answer may come too late."""

AGAIN_SEC = 0.1


@dataclass(frozen=True, slots=True)
class Account:
    """What was counted; empty where there was no answer.

    `totals`: the outcomes of all requests of the traffic. `keys`: for each limited key `ghosts`, `drift` and
    `drift_in_windows` (which begins one window earlier) since the moment asked for; None: not known. `lives`: a value
    for each of `traffic`, `backend` and `redis` that changes when it is restarted.
    """

    totals: Mapping[str, int] = field(default_factory=dict)
    keys: tuple[Mapping[str, Any], ...] = ()
    lives: Mapping[str, object] = field(default_factory=dict)


Ask = Callable[[float], Awaitable[Account]]
"""Returns the account since a moment."""


class RequestAccounting:
    """An `Ask` that asks the running system."""

    def __init__(self, system: LimiterSystem[Any]) -> None:
        self._system = system

    async def __call__(self, since: float) -> Account:
        until = time.monotonic() + TIMEOUT_SEC
        while True:
            traffic, backend = await asyncio.gather(
                self._ask(self._system.traffic, "health"),
                self._ask(self._system.backend, f"run?uptime={round(CLOCK.to_uptime(since) * 1_000_000)}"),
            )
            complete = traffic.ok and backend.ok and backend.data.get("redis") is not None
            if complete or time.monotonic() > until:
                return account_of(traffic.data, backend.data)
            await asyncio.sleep(AGAIN_SEC)

    async def _ask(self, part: ObservedProcess, path: str) -> Reading:
        return await self._system.connections.probe(part.id, path, ANSWER_SEC).read()


def account_of(traffic: Mapping[str, Any], backend: Mapping[str, Any]) -> Account:
    lives = {
        "traffic": traffic.get("started_at"),
        "backend": backend.get("started_at"),
        "redis": backend.get("redis"),
    }
    known_lives = {name: life for name, life in lives.items() if life is not None}
    return Account(traffic.get("totals", {}), tuple(backend.get("keys", ())), known_lives)
