"""Reads the poller ten times a second on the conductor's own clock, so that a poller that died or hangs is noticed.

A poller that tells of news is read at once, too.
"""

import asyncio
import contextlib
import logging
import marshal
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from demo.conductor.context import ConductorContext
from demo.errors import log_unexpected
from demo.probes.change_notification import NotifiesChanges
from demo.show import FaultState, decide
from demo.show import commands as c
from demo.show.health_sample import DEFAULT_INTERVAL_SEC, Sample, read_sample, to_json_value, unreadable_node
from demo.show.recovery import TellsRecovery
from demo.subjects.running_poller import run_poller
from demo.subjects.user_code import describe_error
from demo.types import FaultDriver, Poller

logger = logging.getLogger(__name__)

CHECK_INTERVAL_SEC = 0.1
NEWS_GAP_SEC = 0.01
"""A poller that has news all the time is read at most a hundred times a second."""


class HealthMonitor:
    """Runs the poller as a task and turns its samples into commands."""

    def __init__(self, context: ConductorContext, poller: Poller | None, drivers: Sequence[FaultDriver]) -> None:
        self._context = context
        self._poller = poller
        self.drivers = drivers
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._end_reason: str | None = None
        self._last_error = ""
        self._last_stamp: object = None
        self._last_health: object = None
        self._last_plain: object = None
        self._reported: set[str] = set()
        self._last_at = 0.0
        self.samples = 0
        self.read_sec = 0.0
        """How many samples were read, and the seconds that took, the drivers' `is_seen` included."""

    @property
    def has_poller(self) -> bool:
        """Return whether anything is known of the system."""
        return self._poller is not None

    def start(self) -> None:
        """Start the poller and the regular checks; does nothing without a poller."""
        if self._poller is not None:
            if isinstance(self._poller, NotifiesChanges):
                self._poller.subscribe_to_changes(self._news.set)
            self._run_poller(self._poller)
            self._context.spawn(self._check_repeatedly(self._poller), "the health watch")

    def restart(self) -> None:
        """Restart a poller that has ended; called when somebody heals everything."""
        if self._poller is not None and self._end_reason is not None:
            self._run_poller(self._poller)

    def stop(self) -> None:
        """Ask the poller to stop, and cancel its task."""
        if self._poller is not None and self._task is not None:
            try:
                self._poller.stop()
            except Exception as error:  # noqa: BLE001 - foreign code; its task is cancelled all the same
                self._report_error(f"the poller could not be stopped: {error}"[:300])
            self._task.cancel()

    def _run_poller(self, poller: Poller) -> None:
        self._end_reason = None
        self._task = self._context.spawn(self._poll(poller), "the poller")

    async def _poll(self, poller: Poller) -> None:
        try:
            await run_poller(poller)
        except Exception as error:  # noqa: BLE001 - foreign code: its end is shown on every screen
            log_unexpected(logger, "the poller", error)
            self._end_reason = f"the poller ended: {describe_error(error)}"
        else:
            self._end_reason = "the poller ended"

    async def _check_repeatedly(self, poller: Poller) -> None:
        # By our own clock: a poller that hangs would never call back (docs/decisions/0005).
        while True:
            self._news.clear()
            self._check(poller)
            await asyncio.sleep(NEWS_GAP_SEC)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CHECK_INTERVAL_SEC - NEWS_GAP_SEC):
                    await self._news.wait()

    def _check(self, poller: Poller) -> None:
        # The clock needs a regular call to notice that the wall clock was set.
        self._context.clock.check_wall_clock()
        at = self._context.clock()
        try:
            health = poller.get_health()
            if health is not None and self._end_reason is None and self._is_new(health, at):
                self._context.enqueue("poller", self._read_sample(health, at))
                self._last_error = ""
        except Exception as error:  # noqa: BLE001 - foreign code: reported once; the sample becomes stale
            log_unexpected(logger, "reading the poller's health", error)
            self._report_error(f"the poller's health cannot be read: {describe_error(error)}")
        # Asked here first: a command that changes nothing need not go through the queue ten times a second.
        watch = c.CheckFreshness(self._end_reason)
        if decide(self._context.state, c.CommandEnvelope("clock", watch), at):
            self._context.enqueue("clock", watch)

    def _read_sample(self, health: Mapping[str, Any], at: float) -> c.RecordSample:
        began = time.perf_counter()
        sample = read_sample(health, at, self._context.clock.moment_of)
        if text := unreadable_node(health):
            self._report_once(text)
        observed = c.RecordSample(sample, self._find_visible_faults(sample), self._find_recovered_faults(health))
        self.samples += 1
        self.read_sec += time.perf_counter() - began
        return observed

    def _report_error(self, text: str) -> None:
        if text != self._last_error:
            self._last_error = text
            self._context.enqueue("poller", c.Notice(text))

    def _is_new(self, health: Mapping[str, Any], at: float) -> bool:
        """Return whether this is a new sample, by its `last_updated`.

        Without `last_updated` a sample is new when the dict or its content has changed, once in each interval at most.
        """
        stamp = health.get("last_updated") if isinstance(health, Mapping) else None
        if stamp is not None:
            new = bool(stamp != self._last_stamp)
        else:
            interval = health.get("interval_sec") if isinstance(health, Mapping) else None
            due = at - self._last_at >= (interval if isinstance(interval, int | float) else DEFAULT_INTERVAL_SEC)
            # Compared by content too, because a poller may update one dict in place.
            new = due and (health is not self._last_health or to_json_value(health) != self._last_plain)
        if new:
            self._last_stamp, self._last_at = stamp, at
            if stamp is None:
                self._last_health, self._last_plain = health, to_json_value(health)
        return new

    def _find_visible_faults(self, sample: Sample) -> dict[str, bool]:
        """Return for each fault whether the sample shows its observable since the relevant moment."""
        visible = {}
        # Each driver gets a copy that it may change; marshal copies samples of many nodes fastest.
        packed, last_updated = marshal.dumps(dict(sample.raw)), sample.last_updated
        # Once for each sample, here at the edge: `decide` must stay pure and never call foreign code.
        for driver in self.drivers:
            fault = self._context.state.fault(driver.config.name)
            if fault is not None:
                visible[fault.name] = self._ask_driver(driver, packed, last_updated, _choose_since(fault, sample))
        return visible

    def _find_recovered_faults(self, health: Mapping[str, Any]) -> dict[str, bool]:
        """Return for each fault that is healed, and knows what it has hit, whether that is healthy in this sample."""
        found = {}
        for driver in self.drivers:
            fault = self._context.state.fault(driver.config.name)
            if fault is None or not fault.awaits_recovery or not isinstance(driver, TellsRecovery):
                continue
            try:
                recovered = driver.is_recovered(health)
            except Exception as error:  # noqa: BLE001 - foreign code: the fault is then measured by all nodes
                log_unexpected(logger, f"is_recovered of {fault.name}", error)
                continue
            if recovered is not None:
                found[fault.name] = bool(recovered)
        return found

    def _ask_driver(self, driver: FaultDriver, packed: bytes, last_updated: datetime, since: float) -> bool:
        """Return whether the driver sees its observable. One that fails sees nothing, and is reported once."""
        try:
            health = marshal.loads(packed) | {"last_updated": last_updated}  # noqa: S302 - dumped above by this process
            return bool(driver.is_seen(health, since))
        except Exception as error:  # noqa: BLE001 - foreign code: the other faults still get their sample
            log_unexpected(logger, f"is_seen of {driver.config.name}", error)
            text = f"fault {driver.config.name} cannot read the health: {describe_error(error)}"
            self._report_once(text)
            return False

    def _report_once(self, text: str) -> None:
        """Notify the presenter, once for each text: the error would recur with every sample."""
        if text not in self._reported:
            self._reported.add(text)
            self._context.enqueue("show", c.Notice(text))


def _choose_since(fault: FaultState, sample: Sample) -> float:
    """Return since when the observable must show: since the fault's injection, since its heal, or right now."""
    if fault.awaits_recovery and fault.healed_at is not None:
        return fault.healed_at
    if fault.awaits_detection and fault.injected_at is not None:
        return fault.injected_at
    return sample.updated_at - sample.interval_sec
