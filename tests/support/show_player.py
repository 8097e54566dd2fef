"""Small shows for the tests of the rules: a deck, faults, and a way to play commands on them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from demo.show import FaultState, Refusal, ShowState, apply, create_initial_state, decide
from demo.show import commands as c
from demo.show import events as e
from demo.show.health_sample import read_sample
from demo.types import ChaosConfig, ChaosType, Chapter


async def _nothing() -> None:
    pass


def chapter(title: str, action: bool = False, auto: bool = False, blocks: bool = False, claim: str = "") -> Chapter:
    act = _nothing if action else None
    return Chapter(title, f"about {title}", on_enter=act, auto_advance=auto, blocks_advance=blocks, hypothesis=claim)


def fault(name: str = "kill", duration: float = 5.0) -> FaultState:
    config, target = ChaosConfig(name, ChaosType.CONTAINER_KILL, f"Do {name}", duration), f"target of {name}"
    return FaultState(config, target, own_target=target)


PLAIN = (chapter("one"), chapter("two"), chapter("three"))


@dataclass
class Player:
    """Plays commands as the conductor does, without a loop, a clock or a disk."""

    state: ShowState
    at: float = 1000.0
    entries: list[e.JournalEntry] = field(default_factory=list)

    def play(self, what: c.Command, pressed_on: int | None = None, later: float = 1.0) -> tuple[e.Event, ...] | Refusal:
        self.at += later
        decision = decide(self.state, c.CommandEnvelope("test", what, pressed_on), self.at)
        if not isinstance(decision, Refusal):
            for event in decision:
                entry = e.JournalEntry(self.state.seq + 1, self.at, "test", event)
                self.entries.append(entry)
                self.state = apply(self.state, entry)
        return decision

    def refused(self, what: c.Command, pressed_on: int | None = None) -> str | None:
        """The code of the refusal, None when the command was carried out."""
        before = self.state
        decision = self.play(what, pressed_on)
        if isinstance(decision, Refusal):
            assert self.state is before
            return decision.code
        return None

    def record_sample(
        self, *, up: bool = True, seen: Sequence[str] = (), recovered: dict[str, bool] | None = None, later: float = 1.0
    ) -> tuple[e.Event, ...]:
        """A health sample, taken just now."""
        nodes = [{"id": "n", "name": "n", "health": "up" if up else "down"}]
        sample = read_sample({"nodes": nodes, "interval_sec": 1.0}, self.at + later)
        decision = self.play(c.RecordSample(sample, dict.fromkeys(seen, True), recovered or {}), later=later)
        assert not isinstance(decision, Refusal)
        return decision

    def inject(self, name: str = "kill") -> int:
        """A fault, all the way into the target; returns its run."""
        assert self.refused(c.Inject(name)) is None
        run = self.fault(name).run
        self.play(c.FaultPlanned(name, run, "n"))
        self.play(c.FaultApplied(name, run))
        return run

    def fault(self, name: str = "kill") -> FaultState:
        found = self.state.fault(name)
        assert found is not None
        return found


def player(*chapters: Chapter, faults: Sequence[FaultState] = ()) -> Player:
    """A show that has just been opened."""
    found = Player(create_initial_state("T", "s", "d", chapters or PLAIN, faults or (fault(),)))
    found.play(c.Open())
    return found
