"""What the machine routes answer, as Pydantic models: the source of their schemas in `/openapi.json`.

`demo/views/state_json.py` makes the answers themselves, from the show; nothing of a request passes through here, so
this module is imported when a description is asked for, not when the server starts.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

from demo.show.events import Freshness
from demo.show.state import ActionStatus, FaultStatus, Level
from demo.types import ChaosType, TextFormat

NodeHealth = Literal["up", "degraded", "down", "starting", "offline", "unknown"]


class StrictModel(BaseModel):
    """An object with these keys and no others."""

    model_config = ConfigDict(extra="forbid")


class ExtensibleModel(BaseModel):
    """An object with these keys, and with others that the poller adds."""

    model_config = ConfigDict(extra="allow")


class Chapter(StrictModel):
    """The chapter the show is on; `number` and `step` count from 1. `narration` is what this step shows."""

    number: NonNegativeInt
    total: NonNegativeInt
    step: NonNegativeInt
    steps: NonNegativeInt
    title: str
    narration: str
    format: TextFormat
    key_hint: str
    status: ActionStatus
    blocks_advance: bool
    auto_advance: bool
    error: str | None
    notes: str


class Fault(StrictModel):
    """A fault of this show and its newest run. Times are of this server's clock, durations seconds."""

    name: str
    type: ChaosType
    description: str
    state: FaultStatus
    target: str
    duration_sec: float | None
    injected_at: datetime | None
    heals_at: datetime | None
    detected_after_sec: float | None
    recovered_after_sec: float | None
    came_back_after_sec: float | None
    error: str | None


class Node(ExtensibleModel):
    """One part of the system, as the poller saw it last."""

    id: str
    name: str
    type: str
    health: NodeHealth
    address: str = Field(default="", description="the presenter's only")
    detail: str
    metrics: dict[str, float | str]
    links: list[str]


class Health(ExtensibleModel):
    """The newest sample."""

    nodes: list[Node]
    has_issues: bool
    last_updated: datetime | None
    interval_sec: float
    freshness: Freshness
    metrics: Any = Field(default=None, description="curves, as the poller reports them")
    counters: Any = Field(default=None, description="limited keys, as the poller reports them")


class LogLine(StrictModel):
    """One line of what happened."""

    at: datetime | None
    who: str
    text: str
    level: Level


class Timer(StrictModel):
    """The talk's timer."""

    running: bool
    elapsed_sec: float
    started_at: datetime | None
    budget_sec: float | None


class VoteTally(StrictModel):
    """The votes for one option, or for one number that was guessed."""

    answer: str
    votes: NonNegativeInt
    percent: NonNegativeInt


class Ballot(StrictModel):
    """A vote of the audience. `tally`: null for the audience while it is hidden; of a guess, the numbers guessed.

    `measured`: what the guesses are compared with. `right`: the option that the verdict proves. `text`: who was right.
    """

    id: NonNegativeInt
    chapter: NonNegativeInt
    question: str
    options: list[str]
    unit: str
    hidden: bool
    state: Literal["open", "closed"]
    votes: NonNegativeInt
    tally: list[VoteTally] | None
    measured: float | None
    right: str | None
    text: str


class Viewers(StrictModel):
    """Open pages of each kind."""

    stage: NonNegativeInt
    presenter: NonNegativeInt
    remote: NonNegativeInt


class ReplayStand(StrictModel):
    """Where a replay stands. `rate`: recorded seconds a second, 0 while it stands. `next`: the presenter's only."""

    recorded_at: datetime | None
    state: Literal["playing", "waiting", "stopped", "over"]
    rate: float
    next: str


class State(StrictModel):
    """The whole show. Notes, errors, addresses and paths are in the presenter's only."""

    epoch: str
    seq: NonNegativeInt
    title: str
    subject: str
    chapter: Chapter
    progress: str
    complete: bool
    log: list[LogLine]
    chaos: list[Fault]
    halted: bool
    blackout: bool
    frozen: bool
    durable: bool
    said: str
    ballots: list[Ballot]
    health: Health | None
    timer: Timer
    viewers: Viewers
    replay: ReplayStand | None


class RelayedState(State):
    """The state as a relay tells it: `live`, or since when it has not heard of the show."""

    live: bool
    lost_since: datetime | None


class Healthz(StrictModel):
    """Pages are served, by this version."""

    status: Literal["ok"]
    version: str


class RelayedHealthz(Healthz):
    """Pages are served; `live`: the relay hears of a show."""

    live: bool


class Paired(StrictModel):
    """The device was paired; the cookie of this answer is its session."""

    paired: Literal[True]
    id: str
    device: str


class PairingAddress(StrictModel):
    """Another address of the server, by which phones may reach it."""

    at: str
    interface: str


class Voted(StrictModel):
    """The vote was counted; `durable`: and is on disk. `answer`: what was voted, in words."""

    ballot: NonNegativeInt
    answer: str
    durable: bool


class Asked(StrictModel):
    """The question was taken, as `text`; `durable`: and is on disk."""

    text: str
    durable: bool


class Pairing(StrictModel):
    """What pairs the next device. Nothing does on a server that is not `open`."""

    open: bool
    link: str | None
    place: str | None
    code: str | None
    elsewhere: list[PairingAddress]


class Session(StrictModel):
    """A paired device, and what it did last."""

    id: str
    device: str
    paired_at: datetime | None
    did: str | None
    did_at: datetime | None
    this_one: bool


class Sessions(StrictModel):
    """All paired devices."""

    sessions: list[Session]


class Revoked(StrictModel):
    """How many sessions were ended; `durable`: and stay so, should the server crash now."""

    revoked: NonNegativeInt
    durable: bool


OTHER_ANSWERS = (Healthz, Paired, Voted, Asked, Pairing, Sessions, Revoked)
"""What routes answer with besides the state."""
