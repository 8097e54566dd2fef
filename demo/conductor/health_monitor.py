"""Reading the poller on the conductor's own clock, so that a dead or hung one is seen as such."""

import asyncio
import contextlib
import inspect
import logging
import marshal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from demo.conductor.context import ConductorContext
from demo.errors import log_unexpected
from demo.show import FaultState, decide
from demo.show import commands as c
from demo.show.health_sample import DEFAULT_INTERVAL_SEC, Sample, plain, read_sample, unreadable_node
from demo.subjects.user_code import told
from demo.types import FaultDriver, Poller

logger = logging.getLogger(__name__)

LOOK_EVERY_SEC = 0.1


class HealthMonitor:
    """Runs the poller as a task and turns its samples into commands."""

    def __init__(self, context: ConductorContext, poller: Poller | None, drivers: Sequence[FaultDriver]) -> None:
        self._context = context
        self._poller = poller
        self._drivers = drivers
        self._task: asyncio.Task[None] | None = None
        self._ended: str | None = None
        self._complaint = ""
        self._last_stamp: object = None
        self._last_health: object = None
        self._last_plain: object = None
        self._blamed: set[str] = set()
        self._last_at = 0.0
        self.samples = 0
        self.read_sec = 0.0
        """How many samples were read, and what that took, the faults' own look at them included."""

    def start(self) -> None:
        """Begin polling and looking; without a poller there is nothing to do."""
        if self._poller is not None:
            self._run_poller(self._poller)
            self._context.spawn(self._look_often(self._poller), "the health watch")

    def revive(self) -> None:
        """Start a poller that has ended again: somebody healed everything."""
        if self._poller is not None and self._ended is not None:
            self._run_poller(self._poller)

    def stop(self) -> None:
        """Ask the poller to end, and see to it."""
        if self._poller is not None and self._task is not None:
            try:
                self._poller.stop()
            except Exception as error:  # noqa: BLE001 - foreign code; its task is cancelled all the same
                self._complain(f"the poller could not be stopped: {error}"[:300])
            self._task.cancel()

    def _run_poller(self, poller: Poller) -> None:
        self._ended = None
        self._task = self._context.spawn(self._poll(poller), "the poller")

    async def _poll(self, poller: Poller) -> None:
        try:
            await _run(poller)
        except Exception as error:  # noqa: BLE001 - foreign code: its end is shown on every screen
            log_unexpected(logger, "the poller", error)
            self._ended = f"the poller ended: {told(error)}"
        else:
            self._ended = "the poller ended"

    async def _look_often(self, poller: Poller) -> None:
        while True:
            self._look(poller)
            await asyncio.sleep(LOOK_EVERY_SEC)

    def _look(self, poller: Poller) -> None:
        self._context.clock.look()
        at = self._context.clock()
        try:
            health = poller.get_health()
            if health is not None and self._ended is None and self._is_new(health, at):
                self._context.enqueue("poller", self._read(health, at))
                self._complaint = ""
        except Exception as error:  # noqa: BLE001 - foreign code: said once, then the sample goes stale
            log_unexpected(logger, "reading the poller's health", error)
            self._complain(f"the poller's health cannot be read: {told(error)}")
        watch = c.Watch(self._ended)
        if decide(self._context.state, c.CommandEnvelope("clock", watch), at):
            self._context.enqueue("clock", watch)

    def _read(self, health: Mapping[str, Any], at: float) -> c.Observe:
        began = time.perf_counter()
        sample = read_sample(health, at, self._context.clock.moment_of)
        if text := unreadable_node(health):
            self._blame(text)
        read = c.Observe(sample, self._seen(sample))
        self.samples += 1
        self.read_sec += time.perf_counter() - began
        return read

    def _complain(self, text: str) -> None:
        if text != self._complaint:
            self._complaint = text
            self._context.enqueue("poller", c.Notice(text))

    def _is_new(self, health: Mapping[str, Any], at: float) -> bool:
        """By its own time. Of a poller that tells none, a new dict or new content, once in its interval."""
        stamp = health.get("last_updated") if isinstance(health, Mapping) else None
        if stamp is not None:
            new = bool(stamp != self._last_stamp)
        else:
            interval = health.get("interval_sec") if isinstance(health, Mapping) else None
            due = at - self._last_at >= (interval if isinstance(interval, int | float) else DEFAULT_INTERVAL_SEC)
            new = due and (health is not self._last_health or plain(health) != self._last_plain)
        if new:
            self._last_stamp, self._last_at = stamp, at
            if stamp is None:
                self._last_health, self._last_plain = health, plain(health)
        return new

    def _seen(self, sample: Sample) -> dict[str, bool]:
        """For each fault: does the sample show its observable since it matters?"""
        found = {}
        # A copy for each, which it may change: of many nodes and faults, made the fastest way.
        copied, told_at = marshal.dumps(dict(sample.raw)), sample.told_at
        for driver in self._drivers:
            fault = self._context.state.fault(driver.config.name)
            if fault is not None:
                found[fault.name] = self._asks(driver, copied, told_at, _since(fault, sample))
        return found

    def _asks(self, driver: FaultDriver, copied: bytes, told_at: datetime, since: float) -> bool:
        """A driver that cannot read the sample sees nothing in it, and is named once."""
        try:
            health = marshal.loads(copied) | {"last_updated": told_at}  # noqa: S302 - bytes of our own
            return bool(driver.is_seen(health, since))
        except Exception as error:  # noqa: BLE001 - foreign code: it must not cost the others their health
            log_unexpected(logger, f"is_seen of {driver.config.name}", error)
            text = f"fault {driver.config.name} cannot read the health: {told(error)}"
            self._blame(text)
            return False

    def _blame(self, text: str) -> None:
        """Said once: it would come with every sample."""
        if text not in self._blamed:
            self._blamed.add(text)
            self._context.enqueue("show", c.Notice(text))


async def _run(poller: Poller) -> None:
    """Run it here; or, where `run` is a plain function, in a thread of its own, which a cancellation leaves behind."""
    run: Callable[[], Any] = poller.run
    if inspect.iscoroutinefunction(inspect.unwrap(run)):
        await run()
        return
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Any] = loop.create_future()

    def end(result: Any, error: Exception | None) -> None:
        if not ended.done():
            ended.set_result(result) if error is None else ended.set_exception(error)

    def work() -> None:
        result, error = None, None
        try:
            result = run()
        except Exception as caught:  # noqa: BLE001 - handed on to whoever runs the poller
            error = caught
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody asks any more
            loop.call_soon_threadsafe(end, result, error)

    threading.Thread(target=work, name="poller", daemon=True).start()
    result = await ended
    if inspect.isawaitable(result):  # a plain function that only hands out a coroutine
        await result


def _since(fault: FaultState, sample: Sample) -> float:
    """While a fault runs, since its injection; then since its heal; else: right now."""
    if fault.awaits_recovery and fault.healed_at is not None:
        return fault.healed_at
    if fault.awaits_detection and fault.injected_at is not None:
        return fault.injected_at
    return sample.updated_at - sample.interval_sec
