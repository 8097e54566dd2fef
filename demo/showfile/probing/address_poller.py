"""One address of a probe: it is asked again and again, and what its newest answer says of each node is remembered."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from demo.clock import CLOCK
from demo.errors import InvalidValue, log_unexpected
from demo.probes.periodic import Pulse
from demo.probes.result import Closes, Probe, Reading
from demo.probes.server_version import TellsVersion, Version
from demo.showfile.probing.node_state_rules import NodeStateRules, NodeVerdict
from demo.showfile.probing.rows import NodeRow, Split
from demo.showfile.schema.probes import ProbeSettings

logger = logging.getLogger(__name__)

MISSED_INTERVALS = 3
GRACE_SEC = 0.2
"""For so long after its own deadline a probe may take to return."""

LATE_SEC = 0.1
"""When the event loop is later than this at a timeout, an answer may have been there in time."""

BUSY = "this machine is too busy to tell"
FAILED = "the probe failed: the log says why"
TWICE = "the answer has two nodes of this id"
OLD = "no new answer"


@dataclass(frozen=True)
class NodeResult:
    """What one probe says of one node. `source`: the probe's name. `at`: the moment at which it was asked."""

    source: str
    state: str
    detail: str = ""
    at: float = 0.0
    data: Mapping[str, Any] = field(default_factory=dict)
    is_answer: bool = True
    """Whether there was an answer at all, good or bad."""


class AddressPoller:
    """Asks one address. `listen` is called after each answer.

    `results`: row id ("" where an answer tells of one node) → what the newest answer says. They are empty before the
    first answer, and when an answer of many nodes had none.
    """

    def __init__(
        self,
        source: str,
        settings: ProbeSettings,
        probe: Probe,
        rules: NodeStateRules,
        split: Split | None = None,
        element: str = "",
    ) -> None:
        """Take what asks, and what judges its answers; `element` tells this address from the probe's others."""
        self.source, self.settings, self.element = source, settings, element
        self.listen: Callable[[], None] = lambda: None
        self.results: dict[str, NodeResult] = {}
        self.trouble = ""
        """Why the newest answer told of no node at all."""
        self._probe, self._rules, self._split = probe, rules, split
        self._failures: dict[str, int] = {}
        self._logged: set[type[Exception]] = set()
        self._begun = CLOCK.now()
        self._has_worked = False
        self.pulse = Pulse(self._look, settings.interval, self._take)

    @property
    def is_stale(self) -> bool:
        """Return whether the newest answer is too old to say anything."""
        limit = MISSED_INTERVALS * self.settings.interval + self.settings.timeout + GRACE_SEC
        return CLOCK.now() - self.pulse.at > limit

    async def run(self) -> None:
        """Ask until cancelled. What fails unexpectedly is logged, and asked again later: nobody else is touched."""
        self._begun = CLOCK.now()
        while True:
            try:
                await self.pulse.run()
            except Exception as error:  # noqa: BLE001 - one probe must not end the others
                self._log(error)
            await asyncio.sleep(self.settings.interval)

    async def close(self) -> None:
        """Close the connection that the probe may have kept."""
        if isinstance(self._probe, Closes):
            await self._probe.close()

    async def version(self) -> Version | None:
        """Return what is asked there, with its version; None if it is not told."""
        return await self._probe.version() if isinstance(self._probe, TellsVersion) else None

    async def ask_once(self) -> None:
        self._begun = begun = CLOCK.now()
        self.pulse.reading, self.pulse.at = await self._look(), begun
        self._take()

    async def _look(self) -> Reading:
        """Ask; once more where it failed while this process was too late to take an answer in time."""
        for _ in range(2):
            lateness = _Lateness(self.settings.timeout)
            reading = await self._look_once()
            late_sec = lateness.seconds()
            if reading.ok or late_sec < LATE_SEC:
                return reading
        return Reading(trouble=BUSY, inconclusive=True)

    async def _look_once(self) -> Reading:
        try:
            async with asyncio.timeout(self.settings.timeout + GRACE_SEC):
                return await self._probe.read()
        except TimeoutError:
            # It has overrun the timeout that it keeps by itself: that is not a word about what it asks.
            return Reading(trouble=f"no answer in {self.settings.timeout * 1000:.0f} ms", inconclusive=True)
        except Exception as error:  # noqa: BLE001 - one probe must not end the others
            self._log(error)
            return Reading(trouble=FAILED, inconclusive=True)

    def _log(self, error: Exception) -> None:
        """Log it, once for each kind of error: a probe fails many times a minute."""
        if type(error) not in self._logged:
            self._logged.add(type(error))
            log_unexpected(logger, f"the probe {self.source}", error)

    def _take(self) -> None:
        reading = self.pulse.reading
        try:
            rows = self._rows(reading)
        except InvalidValue as error:
            rows, self.trouble = (), str(error)
        else:
            self.trouble = reading.trouble if not rows else ""
        counted = {row.id: self._result(reading, row) for row in rows}
        self._failures = {ident: count for ident, count in self._failures.items() if ident in counted}
        self.results = counted
        self.listen()

    def _rows(self, reading: Reading) -> tuple[NodeRow, ...]:
        if self._split is None:
            return (NodeRow("", {}),)
        return tuple(self._split(reading.data)) if reading.ok else ()

    def _result(self, reading: Reading, row: NodeRow) -> NodeResult:
        if row.is_twice:
            verdict, data = NodeVerdict("unknown", TWICE), {}
        else:
            data = {**reading.data, **row.data}
            verdict = self._rules.judge(reading, None if self._split is None else row.data)
        result = NodeResult(self.source, verdict.state, verdict.detail, self.pulse.at, data, reading.ok)
        return self._count_failures(row.id, result)

    def _count_failures(self, ident: str, result: NodeResult) -> NodeResult:
        """Return the result as it counts: starting at first, degraded until it has failed often enough."""
        if result.state != "down":
            self._failures[ident] = 0
            self._has_worked |= result.state != "unknown"
            return result
        self._failures[ident] = failures = self._failures.get(ident, 0) + 1
        start_period = self.settings.start_period or 0.0
        if not self._has_worked and result.at - self._begun < start_period:
            return replace(result, state="starting")
        return result if failures >= self.settings.retries else replace(result, state="degraded")


class _Lateness:
    """How late the event loop comes to a moment that is `due_sec` from now: it is, when something blocks it."""

    def __init__(self, due_sec: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + due_sec
        self._late_sec: float | None = None
        self._timer = self._loop.call_at(self._due, self._note)

    def _note(self) -> None:
        self._late_sec = self._loop.time() - self._due

    def seconds(self) -> float:
        """Return it in seconds, and end the measurement; 0 or less if the moment has not come."""
        self._timer.cancel()
        return self._loop.time() - self._due if self._late_sec is None else self._late_sec
