"""What the traffic and the backend account for, asked at one moment, for one run of a fault.

The samples on the wall tell of the last 30 s, so also of an earlier run, and may be old.
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
"""A busy machine may answer the first question too late."""

AGAIN_SEC = 0.1


@dataclass(frozen=True, slots=True)
class Account:
    """What was told; empty where nobody answered.

    `totals`: the outcomes of all requests of the traffic. `keys`: of each limited key `ghosts`, `drift`
    and `drift_in_windows` (which begins one window earlier) since the moment asked for; None: not known.
    `lives`: what changes when `traffic`, `backend` or `redis` is started anew.
    """

    totals: Mapping[str, int] = field(default_factory=dict)
    keys: tuple[Mapping[str, Any], ...] = ()
    lives: Mapping[str, object] = field(default_factory=dict)


Ask = Callable[[float], Awaitable[Account]]
"""Asks for the account since a moment."""


class RequestAccounting:
    """An `Ask` on the running system."""

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
        return await self._system.lines.probe(part.id, path, ANSWER_SEC).look()


def account_of(traffic: Mapping[str, Any], backend: Mapping[str, Any]) -> Account:
    lives = {
        "traffic": traffic.get("started_at"),
        "backend": backend.get("started_at"),
        "redis": backend.get("redis"),
    }
    told = {name: life for name, life in lives.items() if life is not None}
    return Account(traffic.get("totals", {}), tuple(backend.get("keys", ())), told)
