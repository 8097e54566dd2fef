"""A subject whose server kills itself (-9) at one chosen step of a fault's life.

It is started by `demo serve tests.support.self_killing_subject:Limiter`.
The environment says where: `CRASH_AT` (a step), `CRASH_FAULT`, `CRASH_TOKEN` (a file: whoever removes it dies, so that
only one process does), `CRASH_WATCHDOG` (1: the watchdog goes first), `CRASH_DURATION` (seconds of every fault).
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from demo.faults.redis_pause import RedisPause
from demo.faults.traffic_burst import BurstTraffic
from demo.journal import Journal
from demo.processes.process_ref import ProcessRef
from demo.subjects.ratelimiter import faults
from demo.subjects.ratelimiter.subject import RateLimiter
from demo.types import Plan
from demo.watchdog.client import WatchdogClient
from demo.web.app import Web

STEPS = ("intended", "watched", "half-applied", "applied", "half-undone", "undone")
HALF_WAY_SEC = 0.03

watchdogs: list[WatchdogClient] = []


def die(fault: str, step: str) -> None:
    """Here and now, if this is the chosen step."""
    if not is_chosen(fault, step):
        return
    if os.environ.get("CRASH_WATCHDOG") == "1":
        for watchdog in watchdogs:
            if watchdog.pid is not None:
                os.kill(watchdog.pid, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def is_chosen(fault: str, step: str) -> bool:
    """True once, in one process."""
    if (os.environ.get("CRASH_FAULT"), os.environ.get("CRASH_AT")) != (fault, step):
        return False
    try:
        Path(os.environ["CRASH_TOKEN"]).unlink()
    except FileNotFoundError:
        return False
    return True


def after(owner: type, name: str, then: Callable[..., None]) -> None:
    """Have `then` called with the arguments of each call of an async method, once it has returned."""
    original: Callable[..., Awaitable[Any]] = getattr(owner, name)

    async def wrapped(*args: Any, **more: Any) -> Any:
        result = await original(*args, **more)
        then(*args)
        return result

    put(owner, name, wrapped)


def put(owner: type, name: str, value: Callable[..., Any]) -> None:
    setattr(owner, name, value)


class Crashing:
    """A driver that dies half-way, or right behind the deed."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        self._name = driver.config.name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    async def inject(self, plan: Plan) -> None:
        await self._driver.inject(plan)
        die(self._name, "applied")

    async def heal(self, plan: Plan) -> None:
        healing = asyncio.ensure_future(self._driver.heal(plan))
        await asyncio.wait({healing}, timeout=HALF_WAY_SEC)
        die(self._name, "half-undone")
        await healing

    async def is_healed(self, plan: Plan) -> bool:
        healed: bool = await self._driver.is_healed(plan)
        if healed:
            die(self._name, "undone")
        return healed


class Limiter(RateLimiter):
    """The attached rate limiter with drivers that crash."""

    def __init__(self, attach: str) -> None:
        duration = float(os.environ.get("CRASH_DURATION", "60"))
        for name in ("KILL", "BURST", "PAUSE"):
            setattr(faults, name, replace(getattr(faults, name), duration_sec=duration))
        super().__init__(attach=attach)
        self._faults = tuple(Crashing(driver) for driver in self._faults)


def install_crash_points() -> None:
    """Patch what lies between the steps."""
    after(Journal, "record_undo", lambda journal, fault, *rest: die(fault, "intended"))
    after(WatchdogClient, "hold", lambda watchdog, ident, fault, *rest: die(fault, "watched"))
    after(RedisPause, "_pause", lambda driver: die(driver.config.name, "half-applied"))
    after(BurstTraffic, "_renew", lambda driver: die(driver.config.name, "half-applied"))
    kill, init, look = ProcessRef.kill, WatchdogClient.__init__, Web.keep_alive

    def killed(handle: ProcessRef) -> None:
        kill(handle)
        die("kill-node", "half-applied")

    def made(watchdog: WatchdogClient, *args: Any) -> None:
        init(watchdog, *args)
        watchdogs.append(watchdog)

    async def broken(web: Web) -> None:
        """`CRASH_AT=exception`: the server breaks by itself when the token is taken away."""
        looking = asyncio.ensure_future(look(web))
        token = Path(os.environ.get("CRASH_TOKEN", "/"))
        while token.exists():  # noqa: ASYNC240 - a test
            await asyncio.wait({looking}, timeout=0.1)
        raise RuntimeError("a bug of ours, for the test")

    put(ProcessRef, "kill", killed)
    put(WatchdogClient, "__init__", made)
    if os.environ.get("CRASH_AT") == "exception":
        put(Web, "keep_alive", broken)


install_crash_points()
