"""The vocabulary of a show, and the seams through which systems reach it. No I/O, no rules."""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Protocol, get_args, runtime_checkable

from demo.errors import InvalidValue

DEFAULT_KEY_HINT = "[dim]SPACE/ENTER: next | Q: quit[/dim]"
"""Rich markup: what the terminal shows under a chapter that says nothing else."""

TextFormat = Literal["auto", "markdown", "markup"]
"""How a chapter's texts are written; `auto`: Markdown, or Rich markup where a tag has its end and none is Markdown."""

LATE_SEC = 30.0
"""How long an injection that was cut off may still land, unless its plan knows better."""

HEAL_SEC = 45.0
"""What a subject's `heal` may take; one with an attribute `heal_sec` says it for itself."""

STOP_SEC = 120.0
"""What a subject's `stop` may take; one with an attribute `stop_sec` says it for itself."""

ACTION_LIMIT_SEC = 120.0
"""An `on_enter` that outlives this is failed, unless its chapter says otherwise."""


@dataclass(frozen=True)
class Chapter:
    """One step of the story.

    `narration` and `notes` are Markdown, or Rich markup as `format` says; `key_hint` is plain text or Rich
    markup, everything else plain text. `on_enter` runs once in a show, when the
    chapter is first entered forward. `budget_sec` is the time the presenter means to spend here,
    `limit_sec` what `on_enter` may take. A chapter's `hypothesis` stands on the stage until a later
    chapter states another; `Stage.conclude` sets its verdict. With `shows_evidence` the stage lists
    every hypothesis of the show with its verdict.
    """

    title: str
    narration: str
    key_hint: str = DEFAULT_KEY_HINT
    on_enter: Callable[[], Awaitable[None]] | None = None
    auto_advance: bool = False
    blocks_advance: bool = False
    notes: str = ""
    budget_sec: float | None = None
    limit_sec: float = ACTION_LIMIT_SEC
    hypothesis: str = ""
    shows_evidence: bool = False
    format: TextFormat = "auto"

    def __post_init__(self) -> None:
        if self.format not in get_args(TextFormat):
            allowed = ", ".join(get_args(TextFormat))
            raise InvalidValue(f"chapter {self.title!r}: format must be one of {allowed}, not {self.format!r}")
        if not self.limit_sec > 0:
            raise InvalidValue(f"chapter {self.title!r}: limit_sec must be above 0, not {self.limit_sec!r}")
        if self.budget_sec is not None and not self.budget_sec > 0:
            raise InvalidValue(f"chapter {self.title!r}: budget_sec must be above 0 or None, not {self.budget_sec!r}")


class DemoState:
    """Where a show stands among its chapters. `current` is 0-based.

    Raises `ValueError` for a deck without chapters and for an index out of range.
    """

    def __init__(self, chapters: Sequence[Chapter], current: int = 0) -> None:
        if not chapters:
            raise InvalidValue("a deck needs at least one chapter")
        self.chapters: tuple[Chapter, ...] = tuple(chapters)
        self.current = current

    @property
    def current(self) -> int:
        """0-based index of the chapter on screen."""
        return self._current

    @current.setter
    def current(self, index: int) -> None:
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(self.chapters):
            raise InvalidValue(f"chapter index {index!r} is out of range: 0 to {len(self.chapters) - 1}")
        self._current = index

    def advance(self) -> bool:
        """Step to the next chapter; False, and no step, on the last one."""
        if self.is_complete():
            return False
        self._current += 1
        return True

    def get_current(self) -> Chapter:
        return self.chapters[self._current]

    def is_complete(self) -> bool:
        """True on the last chapter."""
        return self._current == len(self.chapters) - 1

    def get_progress(self) -> str:
        """1-based, as people count: `"[3/7]"`."""
        return f"[{self._current + 1}/{len(self.chapters)}]"


class ChaosType(Enum):
    """The kinds of fault a show can name."""

    CONTAINER_KILL = "container_kill"
    CONTAINER_PAUSE = "container_pause"
    CONTAINER_STOP = "container_stop"
    NETWORK_DISCONNECT = "network_disconnect"
    REDIS_PAUSE = "redis_pause"
    BURST_TRAFFIC = "burst_traffic"


@dataclass(frozen=True)
class ChaosConfig:
    """A fault as the deck asks for it.

    `name` is what URLs and keys call it; `duration_sec` may be `math.inf` (until healed);
    `burst_multiplier` says how many times the steady rate a burst sends.
    """

    name: str
    chaos_type: ChaosType
    description: str
    duration_sec: float = 5.0
    burst_multiplier: int = 2

    def __post_init__(self) -> None:
        is_text = isinstance(self.name, str) and self.name.strip() and self.name.isprintable()
        if not is_text or "/" in self.name or self.name in (".", ".."):
            raise InvalidValue(
                f"a fault's name must be printable text without '/', and not '.' or '..', not {self.name!r}"
            )
        if not isinstance(self.chaos_type, ChaosType):
            raise InvalidValue(f"fault {self.name!r}: chaos_type must be a ChaosType, not {self.chaos_type!r}")
        if not _is_number(self.duration_sec) or math.isnan(self.duration_sec) or self.duration_sec <= 0:
            raise InvalidValue(
                f"fault {self.name!r}: duration_sec must be above 0 (math.inf: until healed), not {self.duration_sec!r}"
            )
        if not isinstance(self.burst_multiplier, int) or isinstance(self.burst_multiplier, bool):
            raise InvalidValue(f"fault {self.name!r}: burst_multiplier must be a whole number")
        if self.burst_multiplier < 1:
            raise InvalidValue(f"fault {self.name!r}: burst_multiplier must be 1 or more, not {self.burst_multiplier}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@runtime_checkable
class HealthPollerProtocol(Protocol):
    """Whatever looks at the system. The conductor runs it as a task and reads it between polls.

    Keys of the dict, all optional but `nodes`; unknown keys are kept and ignored:

    - `nodes`: list of dicts `id`, `name`, `type`, `health` (up, degraded, down, starting, offline,
      unknown), `address`, `detail`, `metrics` (name → number or text), `links` (ids).
      `detail`: a few words for the card, shown to the audience: no addresses, no paths, no exception texts.
      `group`: of more nodes than a wall has room for, those of one group (without it: of one `type`) are one card.
    - `has_issues`: an expected node is not `up`; counters never set it.
    - `last_updated`: aware `datetime` of the newest probe; `interval_sec`: seconds between polls.
    - `metrics`: list of dicts `name`, `label`, `value`, `unit`, `role` (drawn as curves).
    - `counters`: list of dicts `key`, `algorithm`, `limit`, `window_sec`, `admitted`, `counted`,
      `drift`, `ghosts`, `spread_sec` (the timing error of `ghosts`; drawn as cards of limited keys).
    - `victims`: fault → a few words for its button, where its victim changes, until it is fired.

    Every poll makes a new dict: the one handed out is never changed afterwards.
    """

    async def run(self) -> None:
        """Poll until `stop()`; an exception out of here is shown as "poller ended"."""

    def get_health(self) -> dict[str, Any] | None:
        """The newest sample, None before the first; never blocks."""

    def stop(self) -> None:
        """Ask `run()` to return soon."""


@runtime_checkable
class BlockingPollerProtocol(Protocol):
    """A poller that blocks, as with a client that is not async: its plain `run` gets a thread of its own.

    `get_health` and `stop` are called from the show's thread, and return at once.
    """

    def run(self) -> None:
        """Poll until `stop()`, blocking as it likes; an exception out of here is shown as "poller ended"."""

    def get_health(self) -> dict[str, Any] | None:
        """The newest sample, None before the first; never blocks."""

    def stop(self) -> None:
        """Ask `run()` to return soon."""


Poller = HealthPollerProtocol | BlockingPollerProtocol


@dataclass(frozen=True)
class Plan:
    """What a driver is about to do, as plain JSON, written to disk before it does it.

    `target` is what people read; `undo` holds all that healing needs, in a new process too. `manual` is
    the command that a person types when nothing else healed it. `late_sec`: an injection that is cut off
    (its process killed, its limit over) may still land for so long, as a command line under way or a
    request that waits; until then healed is not the end of it, and it is looked at again.
    """

    kind: str
    target: str
    undo: Mapping[str, Any]
    manual: str = ""
    late_sec: float = LATE_SEC


class FaultDriver(Protocol):
    """One fault on one target. Errors are `FaultError` with a sentence for the presenter."""

    @property
    def config(self) -> ChaosConfig: ...

    @property
    def target(self) -> str:
        """Named on the button, before anything happens."""

    @property
    def observable(self) -> str:
        """What should become visible, in words: "a node down"."""

    async def plan(self) -> Plan:
        """Look at the target and say what will be done; changes nothing."""

    async def inject(self, plan: Plan) -> None:
        """Break it. May fail half-way: `heal` is called then."""

    async def heal(self, plan: Plan) -> None:
        """Undo it; safe to call twice and on a target that is gone."""

    async def is_healed(self, plan: Plan) -> bool:
        """By observation of the target, not by what `heal` believes."""

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        """Does this sample show the observable, later than `since`? A moment, as `last_updated` is here."""


@runtime_checkable
class TellsLanding(Protocol):
    """What a driver may tell besides: then a cut-off injection is looked after only until it has landed."""

    async def has_landed(self, plan: Plan) -> bool:
        """Is the deed seen to have been done, whole, so that nothing of it can land any more? Asked before `heal`."""


@runtime_checkable
class HasHealSec(Protocol):
    """A subject whose `heal` may take another time than `HEAL_SEC`, in seconds."""

    @property
    def heal_sec(self) -> float: ...


@runtime_checkable
class HasStopSec(Protocol):
    """A subject whose `stop` may take another time than `STOP_SEC`, in seconds."""

    @property
    def stop_sec(self) -> float: ...


@runtime_checkable
class AnnouncesStart(Protocol):
    """A subject that says how its start goes on, in lines for the presenter."""

    def listen(self, tell: Callable[[str], None]) -> None:
        """Call `tell` with each line, from now on. Called once, before `start`."""


class Watchdog(Protocol):
    """Somebody outside this process who heals what is pending when this process is gone, or hangs."""

    def begin(self, journal: Path, tell: Callable[[str], None]) -> None:
        """Before all else: where the undos are written down, and what to call with news for the presenter."""

    @property
    def is_alive(self) -> bool: ...

    async def hold(self, ident: str, fault: str, plan: Plan, lasts_sec: float) -> None:
        """Returns when the watchdog has this undo. Raises `FaultError` when there is no watchdog.

        `lasts_sec`: the fault's own time, `math.inf` until somebody heals it.
        """

    def applied(self, ident: str) -> None:
        """The fault is in place."""

    def release(self, ident: str) -> None:
        """It is healed, and that was verified."""

    async def close(self) -> None:
        """Let go: what is still held is the watchdog's to heal."""


@dataclass(frozen=True)
class Measured:
    """What was measured of a fault's last run, in seconds; None: not seen (yet).

    `injected_at`: the moment it was in place, as `demo.clock.CLOCK.now()` tells moments: in seconds of the epoch,
    but never set. `came_back_after_sec`: from then until the target came back without a heal of the show; then there
    is no recovery.
    """

    detected_after_sec: float | None = None
    recovered_after_sec: float | None = None
    injected_at: float | None = None
    came_back_after_sec: float | None = None


class Stage(Protocol):
    """What an `on_enter` may do to the show. Each call travels the same queue as a key press."""

    async def inject(self, name: str) -> None:
        """Inject a fault and return once it is in place. Raises `Refused` or `FaultError`."""

    async def heal(self, name: str) -> None:
        """Heal a fault now and return once that is verified. Raises `FaultError`."""

    async def say(self, text: str) -> None:
        """A line on every screen, up to 280 characters of plain text."""

    async def countdown(self, seconds: float) -> None:
        """Count down on every screen, and return at zero."""

    async def wait_until(self, condition: Callable[[Mapping[str, Any]], bool], timeout: float) -> bool:
        """Wait for a health sample that meets the condition; False when `timeout` seconds pass first."""

    async def wait_recovered(self, name: str, timeout: float) -> bool:
        """Wait until a fault is healed and its recovery measured; False when `timeout` seconds pass first.

        False at once when its target came back by itself: then there is no recovery to measure.
        """

    async def conclude(self, held: bool | None, text: str) -> None:
        """The verdict on the standing hypothesis: it held, it did not, or (None) nothing was seen."""

    def measured(self, name: str) -> Measured:
        """The measured times of a fault's last run."""

    def health(self) -> Mapping[str, Any] | None:
        """The newest health sample."""


class Subject(Protocol):
    """A system to break: what it is, how it is started, watched, broken, healed and told about."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str:
        """The show's title, on the stage's first line."""

    @property
    def description(self) -> str:
        """The system in a few words, beside the title."""

    @property
    def poller(self) -> Poller | None: ...

    @property
    def faults(self) -> Sequence[FaultDriver]: ...

    def chapters(self, stage: Stage) -> Sequence[Chapter]:
        """The deck, its `on_enter`s bound to `stage`."""

    def check(self) -> None:
        """Before anything starts: raises `SubjectError` when something it cannot do without is missing."""

    async def start(self) -> None:
        """Bring the system up. Raises `SubjectError`."""

    async def heal(self) -> None:
        """Bring back parts that died unasked, within `HEAL_SEC`, or a `heal_sec` of its own. Raises `SubjectError`."""

    async def stop(self) -> None:
        """End what `start` started, and reap it, within `STOP_SEC`, or a `stop_sec` of its own.

        Safe to call twice, or without a start.
        """
