"""The public types of a show, and the protocols that subjects, drivers and pollers implement. No I/O, no rules."""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, Protocol, get_args, runtime_checkable

from demo.ballots.vote import Vote
from demo.errors import InvalidValue
from demo.narration.code_steps import TextStep, read_steps
from demo.narration.page_style import NO_STYLE, PageStyle
from demo.narration.threshold import Threshold

DEFAULT_KEY_HINT = "[dim]SPACE/ENTER: next | Q: quit[/dim]"
"""Rich markup: the key hint under a chapter in the terminal, unless the chapter has its own."""

TextFormat = Literal["auto", "markdown", "markup"]
"""The format of a chapter's texts; `auto`: Rich markup if a tag is closed and there is no Markdown, else Markdown."""

LATE_SEC = 30.0
"""For how long an interrupted injection may still take effect, unless its plan says otherwise."""

HEAL_SEC = 45.0
"""Timeout of a subject's `heal`, in seconds; an attribute `heal_sec` of the subject overrides it."""

STOP_SEC = 120.0
"""Timeout of a subject's `stop`, in seconds; an attribute `stop_sec` of the subject overrides it."""

ACTION_LIMIT_SEC = 120.0
"""Timeout of an `on_enter`, in seconds, unless its chapter says otherwise."""


@dataclass(frozen=True)
class Chapter:
    """One step of the story.

    `narration` and `notes` are Markdown, or Rich markup as `format` says; `key_hint` is plain text or Rich markup, all
    else plain text. `on_enter` runs once in a show, when the chapter is first entered forward. `budget_sec` is the time
    that the presenter plans for the chapter, `limit_sec` the timeout of `on_enter`. A `hypothesis` is shown on the
    stage until a later chapter has another one; `Stage.conclude` sets its verdict. With `shows_evidence` the stage
    lists all of them with their verdicts. `steps`: the parts of a narration that is shown part by part; code makes
    steps too, ```` ```sql {1|3-5|all} ````. `panels`: beside the text, or in place of the nodes. `highlight`: metrics,
    limited keys (`key.drift`) and nodes that are shown large. `injects`: its faults; `watches`: what it predicts,
    `thresholds`: the limits in that, drawn over the curves. `vote`: what the audience may vote on, from the entry until
    the next injection. `style`: how its pages look.
    `expect` and `actions` are only printed: by what the hypothesis is judged, and what `on_enter` does, in words.
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
    steps: tuple[str, ...] = ()
    panels: tuple[str, ...] = ()
    has_large_panels: bool = False
    highlight: tuple[str, ...] = ()
    injects: tuple[str, ...] = ()
    watches: tuple[str, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    style: PageStyle = NO_STYLE
    vote: Vote | None = None
    expect: str = ""
    actions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.format not in (known := get_args(TextFormat)):
            raise InvalidValue(f"chapter {self.title!r}: format must be one of {', '.join(known)}, not {self.format!r}")
        if not self.limit_sec > 0:
            raise InvalidValue(f"chapter {self.title!r}: limit_sec must be above 0, not {self.limit_sec!r}")
        if self.budget_sec is not None and not self.budget_sec > 0:
            raise InvalidValue(f"chapter {self.title!r}: budget_sec must be above 0 or None, not {self.budget_sec!r}")

    @property
    def all_steps(self) -> tuple[TextStep, ...]:
        return read_steps(self.steps or (self.narration,), has_code=self.format != "markup")

    @property
    def step_count(self) -> int:
        return len(self.all_steps)

    def text_at(self, step: int) -> str:
        return self.all_steps[min(step, self.step_count) - 1].text


class DemoState:
    """The position of a show in its deck. `current` is 0-based. Raises `ValueError` for one that does not exist."""

    def __init__(self, chapters: Sequence[Chapter], current: int = 0) -> None:
        if not chapters:
            raise InvalidValue("a deck needs at least one chapter")
        self.chapters: tuple[Chapter, ...] = tuple(chapters)
        self.current = current

    @property
    def current(self) -> int:
        """0-based index of the current chapter."""
        return self._current

    @current.setter
    def current(self, index: int) -> None:
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(self.chapters):
            raise InvalidValue(f"chapter index {index!r} is out of range: 0 to {len(self.chapters) - 1}")
        self._current = index

    def advance(self) -> bool:
        """Step to the next chapter; return False, without a step, on the last one."""
        if self.is_complete():
            return False
        self._current += 1
        return True

    def get_current(self) -> Chapter:
        return self.chapters[self._current]

    def is_complete(self) -> bool:
        """Return whether the last chapter is the current one."""
        return self._current == len(self.chapters) - 1

    def get_progress(self) -> str:
        """Return the position, 1-based: `"[3/7]"`."""
        return f"[{self._current + 1}/{len(self.chapters)}]"


class ChaosType(Enum):
    """The kinds of fault that a deck can name."""

    CONTAINER_KILL = "container_kill"
    CONTAINER_PAUSE = "container_pause"
    CONTAINER_STOP = "container_stop"
    NETWORK_DISCONNECT = "network_disconnect"
    REDIS_PAUSE = "redis_pause"
    BURST_TRAFFIC = "burst_traffic"
    COMMAND = "command"  # of a show file, which alone knows what it does


@dataclass(frozen=True)
class ChaosConfig:
    """A fault as the deck defines it.

    `name` identifies it in URLs and for keys. `duration_sec` may be `math.inf` (until healed). A burst sends
    `burst_multiplier` times the steady rate.
    """

    name: str
    chaos_type: ChaosType
    description: str
    duration_sec: float = 5.0
    burst_multiplier: int = 2

    def __post_init__(self) -> None:
        is_text = isinstance(self.name, str) and self.name.strip() and self.name.isprintable()
        if not is_text or "/" in self.name or self.name in (".", ".."):
            raise InvalidValue(f"a fault's name must be printable text without '/', not '.' or '..': {self.name!r}")
        if not isinstance(self.chaos_type, ChaosType):
            raise InvalidValue(f"fault {self.name!r}: chaos_type must be a ChaosType, not {self.chaos_type!r}")
        if not _is_number(sec := self.duration_sec) or math.isnan(sec) or sec <= 0:
            raise InvalidValue(f"fault {self.name!r}: duration_sec must be above 0 (math.inf: until healed): {sec!r}")
        times = self.burst_multiplier
        if not isinstance(times, int) or isinstance(times, bool) or times < 1:
            raise InvalidValue(f"fault {self.name!r}: burst_multiplier must be a whole number from 1, not {times!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@runtime_checkable
class HealthPollerProtocol(Protocol):
    """Produces health samples. The conductor runs it as a task and reads the newest sample between polls.

    Keys of the dict, all optional but `nodes`; unknown keys are kept and ignored:

    - `nodes`: list of dicts `id`, `name`, `type`, `health` (up, degraded, down, starting, offline, unknown), `address`,
      `detail`, `metrics` (name → number or text), `links` (ids), `flows` (linked id → number, drawn as thickness).
      `detail`: a few words for the card, shown to the audience: no addresses, no paths, no exception texts.
      `group`: when there are too many nodes to show, those of one group (without it: of one `type`) share a card.
      `kind`: `load` for what sends requests; it has a card, but is not part of the system.
    - `has_issues`: an expected node is not `up`; counters and loads never set it.
    - `complete`: True if a node that the sample lacks is not expected any more; otherwise it is down.
    - `last_updated`: aware `datetime` of the newest probe; `interval_sec`: seconds between polls.
    - `metrics`: list of dicts `name`, `label`, `value`, `unit`, `role` (drawn as curves).
    - `counters`: list of dicts `key`, `algorithm`, `limit`, `window_sec`, `admitted`, `uncounted` (of them),
      `counted`, `drift`, `ghosts`, `spread_sec` (the timing error of `ghosts`), `span_sec` (over which `ghosts` and
      `drift` are told; drawn as cards of limited keys).
    - `problems`: list of sentences for the presenter alone, on what no node tells of: the first five are shown.
    - `victims`: fault → a few words for its button until it is injected, where its target changes.
    Every poll returns a new dict, never changed afterwards.
    """

    async def run(self) -> None:
        """Poll until `stop()`; an exception raised here is shown as "poller ended"."""

    def get_health(self) -> dict[str, Any] | None:
        """Return the newest sample, None before the first; never blocks."""

    def stop(self) -> None:
        """Ask `run()` to return soon."""


@runtime_checkable
class BlockingPollerProtocol(Protocol):
    """A poller that blocks, as with a client that is not async: its plain `run` is called in a thread of its own.

    `get_health` and `stop` are called from the event loop's thread and must return at once.
    """

    def run(self) -> None:
        """Poll until `stop()`; may block. An exception raised here is shown as "poller ended"."""

    def get_health(self) -> dict[str, Any] | None: ...
    def stop(self) -> None: ...


Poller = HealthPollerProtocol | BlockingPollerProtocol


@dataclass(frozen=True)
class Plan:
    """What a driver is about to do, as plain JSON; written to disk before the injection.

    `target` is what people read; `undo` holds all that healing needs, in a new process too. `manual` is the command
    that a person types when nothing else healed it. `late_sec`: for so many seconds an injection that was interrupted
    (its process killed, its timeout passed) may still take effect, as a command under way or a request that waits.
    Until then a heal is not final, and the target is checked again. `duration_sec` is set by the show before `inject`:
    for how long this injection lasts; None until healed. It is for faults that end by themselves, not for healing.
    """

    kind: str
    target: str
    undo: Mapping[str, Any]
    manual: str = ""
    late_sec: float = LATE_SEC
    duration_sec: float | None = None


class FaultDriver(Protocol):
    """Injects and heals one fault on one target. Errors are `FaultError` with a sentence for the presenter."""

    @property
    def config(self) -> ChaosConfig: ...

    @property
    def target(self) -> str:
        """The target, shown on the button before the injection."""

    @property
    def observable(self) -> str:
        """The expected symptom, in words: "a node down"."""

    async def plan(self) -> Plan:
        """Inspect the target and return what will be done; changes nothing."""

    async def inject(self, plan: Plan) -> None:
        """Inject the fault. May fail half-way: `heal` is called then."""

    async def heal(self, plan: Plan) -> None:
        """Undo the fault; safe to call twice, and for a target that is gone."""

    async def is_healed(self, plan: Plan) -> bool:
        """Check the target and return whether it is healed, whatever `heal` assumes."""

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        """Return whether this sample, later than the moment `since` (as `last_updated`), shows the observable."""


@runtime_checkable
class TellsLanding(Protocol):
    """Optional for a driver: with it an interrupted injection is checked again only until it has taken effect."""

    async def has_landed(self, plan: Plan) -> bool:
        """Return, before `heal`, whether the injection has taken full effect: nothing of it can come later."""


@runtime_checkable
class ChoosesTarget(Protocol):
    """Optional for a driver: with it the target of one injection can be named (`POST /chaos/{name}?target=…`)."""

    def targets(self) -> Sequence[str]:
        """Return the ids that `plan_for` takes now, as nodes have them in a health sample; never blocks."""

    async def plan_for(self, target: str) -> Plan:
        """Return the plan for this target, as `plan` does for the driver's own choice. Raises `FaultError`."""


@dataclass(frozen=True)
class Measured:
    """What was measured of a fault's last run, in seconds; None: not seen (yet).

    `injected_at`: the moment of the injection by `demo.clock.CLOCK.now()`: like seconds of the epoch, but no setting of
    the wall clock changes it. `came_back_after_sec`: from then until the target came back without a heal of the show;
    then there is no recovery.
    """

    detected_after_sec: float | None = None
    recovered_after_sec: float | None = None
    injected_at: float | None = None
    came_back_after_sec: float | None = None


class Stage(Protocol):
    """What an `on_enter` may do to the show. Each call goes through the same queue as a key press."""

    async def inject(self, name: str) -> None:
        """Inject a fault and return once it is active. Raises `Refused` or `FaultError`."""

    async def heal(self, name: str) -> None:
        """Heal a fault now and return once that is verified. Raises `FaultError`."""

    async def say(self, text: str) -> None:
        """Show a line on every screen, up to 280 characters of plain text."""

    async def countdown(self, seconds: float) -> None:
        """Count down on every screen, and return at zero."""

    async def wait_until(self, condition: Callable[[Mapping[str, Any]], bool], timeout: float) -> bool:
        """Wait for a health sample that meets the condition; return False when `timeout` seconds pass first."""

    async def wait_recovered(self, name: str, timeout: float) -> bool:
        """Wait until a fault is healed and its recovery measured; False if `timeout` passes, or it came back itself."""

    async def conclude(self, held: bool | None, text: str) -> None:
        """Set the verdict on the current hypothesis: it held, it did not, or (None) no effect was seen.

        `text`: what was measured, in sentences. The one that decided comes first; the stage shows its first number
        large.
        """

    def measured(self, name: str) -> Measured:
        """Return the measured times of a fault's last run."""

    def health(self) -> Mapping[str, Any] | None:
        """Return the newest health sample, None without one."""


@runtime_checkable
class DescribesSystem(Protocol):
    """Optional for a subject: with it the journal and the report of a show tell what it ran on."""

    async def describe_system(self) -> Sequence[tuple[str, str]]:
        """Return names and values, as `("Redis", "7.2.4")`; leave out what is not known, and all secrets.

        Asked once the system has been up for the first time, and again after each start of the server.
        """


class Subject(Protocol):
    """A system for a chaos demo: how it is started, probed, broken and healed, and the deck about it."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str:
        """The show's title, in the first line of the stage."""

    @property
    def description(self) -> str:
        """The system in a few words, shown beside the title."""

    @property
    def poller(self) -> Poller | None: ...

    @property
    def faults(self) -> Sequence[FaultDriver]: ...

    def chapters(self, stage: Stage) -> Sequence[Chapter]:
        """Return the deck, with `on_enter`s that use `stage`."""

    def check(self) -> None:
        """Check that everything it needs is there, before anything starts. Raises `SubjectError`."""

    async def start(self) -> None:
        """Start the system. Raises `SubjectError`."""

    async def heal(self) -> None:
        """Restore nodes that failed without a fault, within `HEAL_SEC` (or an own `heal_sec`).

        Raises `SubjectError`.
        """

    async def stop(self) -> None:
        """Stop what `start` started and wait for its end, within `STOP_SEC`. Safe to call twice, or without a start."""
