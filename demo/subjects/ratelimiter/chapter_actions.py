"""The actions of the chapters: inject one fault, watch, and conclude with what was measured."""

import asyncio
from typing import Any, Protocol

from demo.clock import CLOCK
from demo.subjects.ratelimiter.accounting import Account, Ask, RequestAccounting
from demo.subjects.ratelimiter.faults import BURST, KILL, PAUSE
from demo.subjects.ratelimiter.limiter_system import LimiterSystem
from demo.subjects.ratelimiter.verdicts import Requests, of_burst, of_kill, of_pause, why_not_comparable
from demo.types import Stage

RECOVERY_SEC = 20.0
"""How long after its duration a fault may take to be healed."""

READING_SEC = 8.0


class HasSystem(Protocol):
    """The subject, as the deck's steps need it."""

    @property
    def system(self) -> LimiterSystem[Any]: ...


async def kill_node(stage: Stage, subject: HasSystem) -> None:
    """Kill a node, and conclude whether a request failed: a step of the deck."""
    await _actions(stage, subject).kill()


async def burst(stage: Stage, subject: HasSystem) -> None:
    """Send a burst, and conclude which way of counting let too many through: a step of the deck."""
    await _actions(stage, subject).burst()


async def pause_redis(stage: Stage, subject: HasSystem) -> None:
    """Freeze Redis, and conclude what it lost count of: a step of the deck."""
    await _actions(stage, subject).pause()


def _actions(stage: Stage, subject: HasSystem) -> "LimiterActions":
    return LimiterActions(stage, RequestAccounting(subject.system))


class LimiterActions:
    """`ask` returns the account since a moment, so that nothing of an earlier fault is part of it."""

    def __init__(self, stage: Stage, ask: Ask, reading_sec: float = READING_SEC) -> None:
        self._stage = stage
        self._ask = ask
        self._reading_sec = reading_sec

    async def kill(self) -> None:
        before, after = await self._run_fault(KILL.name, KILL.duration_sec)
        requests = Requests.between(before.totals, after.totals)
        verdict = why_not_comparable(before.lives, after.lives) or of_kill(self._stage.measured(KILL.name), requests)
        await self._stage.conclude(*verdict)

    async def burst(self) -> None:
        before, after = await self._run_fault(BURST.name, BURST.duration_sec)
        await self._stage.conclude(*(why_not_comparable(before.lives, after.lives) or of_burst(after.keys)))

    async def pause(self) -> None:
        before, after = await self._run_fault(PAUSE.name, PAUSE.duration_sec)
        requests = Requests.between(before.totals, after.totals)
        await self._stage.conclude(*(why_not_comparable(before.lives, after.lives) or of_pause(after.keys, requests)))
        await asyncio.sleep(self._reading_sec)  # the next chapter follows automatically: leave time to read this one

    async def _run_fault(self, name: str, lasts_sec: float) -> tuple[Account, Account]:
        """Inject a fault and wait until it is healed. Return the accounts before the injection and since then."""
        await self._stage.countdown(3)
        since = CLOCK.now()
        before = await self._ask(since)
        await self._stage.inject(name)
        await self._stage.wait_recovered(name, lasts_sec + RECOVERY_SEC)
        return before, await self._ask(since)
