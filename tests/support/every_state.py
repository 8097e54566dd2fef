"""Shows in every state that the pages have words for. What a deck or a system would say is Latin: the rest is ours."""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Literal

from demo.ballots.vote import Vote
from demo.narration.page_style import PageStyle
from demo.show import FaultState, Refusal, ShowState, create_initial_state
from demo.show import commands as c
from demo.show.events import Freshness
from demo.show.health_sample import read_sample
from demo.show.voting import shown_ballot
from demo.types import ChaosConfig, ChaosType, Chapter
from tests.support.show_player import Player

KILL, PAUSE, STOP, CUT, BURST = (
    ("nex", ChaosType.CONTAINER_KILL),
    ("mora", ChaosType.CONTAINER_PAUSE),
    ("quies", ChaosType.CONTAINER_STOP),
    ("caesura", ChaosType.NETWORK_DISCONNECT),
    ("fluctus", ChaosType.BURST_TRAFFIC),
)


async def _act() -> None:
    pass


def deck(*, hidden: bool = False) -> tuple[Chapter, ...]:
    """Return a chapter of each kind."""
    choice = Vote("Cadetne?", ("Ita", "Minime"), hidden=hidden, predicted="Minime")
    steps = ("gradus primus", "gradus secundus")
    return (
        Chapter("Primum", "verbum", notes="nota"),
        Chapter("Secundum", "verbum", hypothesis="Nihil cadit", vote=choice, budget_sec=90, injects=("nex",)),
        Chapter("Tertium", "verbum", on_enter=_act, blocks_advance=True),
        Chapter("Quartum", "verbum", hypothesis="Mox redit", vote=Vote("Quando?", (), unit="s", measure="recovered")),
        replace(Chapter("Quintum", "verbum"), steps=steps),
        Chapter("Sextum", "verbum", highlight=("cella",)),
        Chapter("Septimum", "verbum", shows_evidence=True),
    )


def fault(name: str, kind: ChaosType, target: str = "n-2", duration: float = 5.0) -> FaultState:
    return FaultState(ChaosConfig(name, kind, f"Agit {name}", duration), target, own_target=target)


def faults() -> tuple[FaultState, ...]:
    endless = replace(fault(*STOP), config=ChaosConfig("quies", ChaosType.CONTAINER_STOP, "Agit quies", math.inf))
    return (fault(*KILL), fault(*PAUSE), endless, fault(*CUT), fault(*BURST, target=""))


def health(*states: str, over: float = 20.0, errors: float = 0.0, links: bool = True) -> dict[str, Any]:
    """Return a poller's dict: a node for each state, a load, a limited key, two metrics."""
    numbers = {"req/s": 31.5, "% errors": 0.5}
    nodes: list[dict[str, Any]] = [
        {"id": f"n-{n}", "name": f"n-{n}", "type": "nodus", "health": state, "metrics": numbers}
        for n, state in enumerate(states, 1)
    ]
    if links:
        nodes.append({"id": "fons", "name": "fons", "health": "up", "kind": "load", "links": ["n-1"]})
    counters = [
        {
            "key": "cella",
            "limit": 100,
            "window_sec": 10,
            "admitted": 100 + over,
            "counted": 95,
            "uncounted": 3,
            "ghosts": over,
            "drift": 3.5,
        }
    ]
    metrics = [
        {"name": "rps", "label": "petitiones", "value": 12.25, "unit": "/s", "role": "load"},
        {"name": "err", "label": "fons errors", "value": errors, "unit": "%", "role": "errors"},
    ]
    return {"nodes": nodes, "counters": counters, "metrics": metrics, "interval_sec": 0.5}


def record_samples(play: Player, sample: dict[str, Any], times: int = 3, *, seen: Iterable[str] = ()) -> None:
    for _ in range(times):
        sight = dict.fromkeys(seen, True)
        done = play.play(c.RecordSample(read_sample(sample, play.at + 1), sight, dict.fromkeys(seen, False)))
        assert not isinstance(done, Refusal)


def begun_show(*, hidden: bool = False) -> Player:
    play = Player(create_initial_state("Titulus", "s", "descriptio", deck(hidden=hidden), faults()))
    play.play(c.Open())
    return play


UP = ("up", "up", "up")
_JOURNALS: tuple[Literal["file", "temporary"], ...] = ("file", "temporary")


def all_states() -> dict[str, ShowState]:
    """Return each state by a name."""
    makers: tuple[Callable[[], dict[str, ShowState]], ...] = (_story, _system, _votes, _verdicts, _presenter)
    return {name: state for maker in makers for name, state in maker().items()}


def in_language(state: ShowState, language: str) -> ShowState:
    """Return the same state of a deck in this language."""
    chapters = tuple(replace(chapter, style=PageStyle("", language)) for chapter in state.chapters)
    return replace(state, chapters=chapters)


def _story() -> dict[str, ShowState]:
    play = begun_show()
    found = {"opened": play.state}
    record_samples(play, health(*UP))
    found["calm"] = play.state
    play.play(c.Advance())
    found["prediction"] = play.state
    play.play(c.StartCountdown(2, 3.0))
    found["countdown"] = play.state
    play.play(c.Inject("nex"))
    found["injecting"] = play.state
    play.play(c.FaultPlanned("nex", 1, "n-2"))
    play.play(c.FaultApplied("nex", 1))
    found["not detected yet"] = play.state
    record_samples(play, health("up", "down", "up", errors=2.5), seen=("nex",))
    found["killed"] = play.state
    play.play(c.Heal("nex"))
    found["healing"] = play.state
    play.play(c.HealEnd("nex", 1))
    found["healed"] = play.state
    play.play(c.RecordSample(read_sample(health(*UP), play.at + 1), {"nex": False}, {"nex": True}))
    record_samples(play, health(*UP))
    found["recovered"] = play.state
    play.play(c.Conclude(2, True, "0 de 557"))
    found["verdict"] = play.state
    play.play(c.Goto(7))
    found["evidence"] = play.state
    play.play(c.Goto(5))
    found["steps"] = play.state
    return found


def _faulty(name: str, **changes: object) -> ShowState:
    play = begun_show()
    record_samples(play, health(*UP))
    play.inject(name)
    return play.state.with_fault(name, **changes)


def _system() -> dict[str, ShowState]:
    found = {}
    for name, _ in (KILL, PAUSE, STOP, CUT, BURST):
        found[f"{name} in place"] = _faulty(name, detected_after_sec=0.24)
        found[f"{name} failed"] = _faulty(name, state="failed", error="error ignotus")
        found[f"{name} back"] = _faulty(name, came_back_after_sec=1.5)
    for states in (("up", "degraded", "starting"), ("up", "offline", "unknown"), ("down", "down", "up"), ("down",)):
        play = begun_show()
        record_samples(play, health(*states))
        found[" ".join(states)] = play.state
        play.play(c.Goto(6))
        found[f"keys, {states}"] = play.state
    for count, hurt in ((20, ("down", "degraded")), (40, ("down",)), (90, ())):
        play = begun_show()
        record_samples(play, health(*hurt, *("up",) * count, over=0.0))
        found[f"{count} nodes"] = play.state
        many = health(*hurt, *("up",) * count)
        for place, node in enumerate(many["nodes"]):
            node["group"] = f"grex-{place % 16}"
        record_samples(play, many)
        found[f"{count} nodes in groups"] = play.state
    calm = _story()["calm"]
    found["several"] = calm.with_fault("nex", state="active", injected_at=1.0, heals_at=9.0, run=1).with_fault(
        "mora", state="active", injected_at=1.0, heals_at=None, run=1
    )
    ages: tuple[Freshness, ...] = ("stale", "unknown")
    return found | {age: replace(calm, freshness=age, freshness_reason="causa") for age in ages}


def _votes() -> dict[str, ShowState]:
    found = {}
    for hidden in (False, True):
        play = begun_show(hidden=hidden)
        play.play(c.Advance())
        found[f"vote open, hidden {hidden}"] = play.state
        play.play(c.CountVotes(_ballot(play), (1, 0)))
        found[f"one vote, hidden {hidden}"] = play.state
        play.play(c.CloseVote())
        play.play(c.CountVotes(_ballot(play), (3, 5), is_final=True))
        found[f"vote closed, hidden {hidden}"] = play.state
        for held in (True, False):
            play.play(c.Conclude(2, held, "0 de 557. Redit."))
            found[f"vote settled, hidden {hidden}, {held}"] = play.state
    play.play(c.Goto(4))
    found["guesses open"] = play.state
    play.play(c.CountVotes(_ballot(play), (1, 4, 2), (0.5, 2.0, 30.0)))
    play.inject("nex")
    play.play(c.CountVotes(_ballot(play), (1, 4, 2), (0.5, 2.0, 30.0), is_final=True))
    found["guesses closed"] = play.state
    ballots = (*play.state.ballots[:-1], replace(play.state.ballots[-1], measured=1.25))
    found["guesses settled"] = replace(play.state, ballots=ballots)
    usual = Player(create_initial_state("Titulus", "s", "d", (replace(deck()[1], vote=Vote()),), faults()))
    usual.play(c.Open())
    found["vote as usual"] = usual.state
    usual.play(c.CountVotes(_ballot(usual), (2, 1)))
    usual.play(c.CloseVote())
    usual.play(c.CountVotes(_ballot(usual), (2, 1), is_final=True))
    found["vote as usual, closed"] = usual.state
    divided = begun_show()
    divided.play(c.Advance())
    divided.play(c.CloseVote())
    divided.play(c.CountVotes(_ballot(divided), (3, 3), is_final=True))
    divided.play(c.Conclude(2, True, "0 de 557"))
    return found | {"divided": divided.state}


def _ballot(play: Player) -> int:
    found = shown_ballot(play.state)
    assert found is not None
    return found.id


def _verdicts() -> dict[str, ShowState]:
    found = {}
    for held in (True, False, None):
        play = begun_show()
        record_samples(play, health(*UP))
        play.play(c.Advance())
        play.play(c.Conclude(2, held, "12.5 de 557. Nihil aliud."))
        found[f"verdict {held}"] = play.state
        play.play(c.Goto(3))
        found[f"after {held}"] = play.state
        play.play(c.Goto(7))
        found[f"evidence {held}"] = play.state
    return found


def _presenter() -> dict[str, ShowState]:
    play = begun_show()
    record_samples(play, health(*UP))
    play.play(c.Goto(3))
    found = {"action runs": play.state}
    play.play(c.ActionEnd(3, play.state.action.run, "error ignotus"))
    play.play(c.Say("dictum"))
    found["action failed"] = play.state
    play.play(c.Freeze())
    found["frozen here"] = play.state
    play.play(c.Advance())
    play.play(c.Say("dictum alterum"))
    found["frozen elsewhere"] = play.state
    play.play(c.Blackout(True))
    found["dark and frozen"] = play.state
    play.play(c.Freeze(False))
    found["dark"] = play.state
    play.play(c.Halt())
    found["halting"] = play.state.with_fault("nex", state="healing", injected_at=1.0, run=1)
    found["timer paused"] = replace(begun_show().state, timer=replace(play.state.timer, awaits=""))
    found["halted"] = replace(play.state, faults=tuple(replace(f, state="idle") for f in play.state.faults))
    unsaved = replace(play.state, durable=False, not_durable_because="causa")
    found |= {kind: replace(unsaved, journal=kind, halted=False) for kind in _JOURNALS}
    found["parts"] = replace(play.state, system_healing=True, system_error="error ignotus", halted=False)
    nothing = Player(
        create_initial_state("Titulus", "s", "descriptio", (Chapter("Primum", "verbum"), Chapter("Ultimum", "v")), ())
    )
    nothing.play(c.Open())
    found["no system"] = nothing.state
    nothing.play(c.Advance())
    return found | {"the end": nothing.state}
