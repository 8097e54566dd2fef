"""Journals of shows that were never played, written by the real `Journal`: as long and as eventful as a test needs."""

import asyncio
import math
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from demo.journal import Journal
from demo.narration.image import DeckImage
from demo.show import FaultState, ShowState, create_initial_state
from demo.show import events as e
from demo.show.vote_events import QuestionShown, VoteClosed, VoteOpened, VotesCounted
from demo.types import ChaosConfig, ChaosType, Chapter

BEGAN = 1_796_000_000.0
"""The moment of the first entry."""

SECRET, ADDRESS, NOTES = "hunter2", "10.1.2.3:6379", "Breathe before this one"
KILL = ChaosConfig("kill-node", ChaosType.CONTAINER_KILL, "Kill a node", 5.0)
VOTE = 5
"""The number of the event that opens the vote of `story`."""

CHAPTERS = (
    Chapter("The system", "Three nodes."),
    Chapter("What if a node dies?", "Guess.", hypothesis="No request fails", notes=NOTES),
    Chapter("Kill it", "Now."),
    Chapter("What if Redis freezes?", "Guess.", hypothesis="Everything stays fast"),
    Chapter("The end", "Thanks."),
)

Moment = tuple[float, str, e.Event]
"""Seconds since the beginning, who sent it, and the event."""


def show(chapters: Sequence[Chapter] = CHAPTERS, title: str = "Who counts?") -> ShowState:
    return create_initial_state(
        title, "lamp", "three nodes", chapters, [FaultState(KILL, "node-2", own_target="node-2")]
    )


def opened(state: ShowState) -> Moment:
    return 0.0, "show", e.ShowOpened(state.subject, tuple(chapter.title for chapter in state.chapters))


def entered(sec: float, number: int, visit: int | None = None) -> Moment:
    return sec, "presenter · Ada's phone", e.ChapterEntered(number, True, visit or number)


def killed(sec: float, run: int = 1, *, detected: float = 0.2, recovered: float = 1.5) -> Iterator[Moment]:
    """A node is killed, healed by the timer after 5 s, and recovers."""
    yield sec, "curl", e.FaultRequested("kill-node", run)
    yield sec, "show", e.FaultStarted("kill-node", run, f"node-2 at {ADDRESS}")
    yield sec, "show", e.FaultInjected("kill-node", run, BEGAN + sec + 5)
    yield sec + detected, "poller", e.FaultDetected("kill-node", run, detected)
    yield sec + 5, "timer", e.HealRequested("kill-node", run)
    yield sec + 6, "show", e.FaultHealed("kill-node", run)
    yield sec + 5 + recovered, "poller", e.FaultRecovered("kill-node", run, recovered)


def story() -> list[Moment]:
    """A show of a minute and a half with one of everything."""
    return [
        opened(show()),
        entered(0, 1),
        entered(10, 2),
        (10, "poller", e.FreshnessChanged("live")),
        (11, "show", VoteOpened(2, "Does a request fail?", ("Yes", "No"), predicted="No")),
        (14, "votes", VotesCounted(VOTE, (3, 9))),
        entered(20, 3),
        (20, "show", VoteClosed(VOTE, "kill-node", 1)),
        (20, "votes", VotesCounted(VOTE, (3, 9), (), True)),
        *killed(21),
        (29, "chapter 3", e.Concluded(3, True, "None of 421 requests failed. All up after 1.5 s.")),
        (30, "curl", e.FaultRequested("kill-node", 2)),
        (31, "show", e.FaultFailed("kill-node", 2, f"no route to {ADDRESS}, password={SECRET}", touched=False)),
        *killed(40, 3, detected=0.4, recovered=2.5),
        (50, "presenter · Ada's phone", e.Halted()),
        (55, "remote", e.HaltLifted()),
        (56, "poller", e.FreshnessChanged("stale", "the poller does not answer")),
        (58, "poller", e.FreshnessChanged("live")),
        (60, "show", e.TroubleSeen(f"/home/ada/show.md: token: {SECRET}")),
        (61, "presenter", QuestionShown("What about <b>writes</b>?")),
        entered(70, 4),
        entered(80, 5),
        (90, "show", e.ShowClosed(over=True)),
    ]


def sample(sec: float, load: float, *, health: str = "up", **more: Any) -> Moment:
    nodes = [{"id": f"node-{n}", "name": f"node-{n}", "health": health if n == 2 else "up"} for n in (1, 2, 3)]
    metrics = [{"name": "load", "label": "requests", "value": load, "unit": "/s", "role": "load"}]
    return sec, "poller", e.HealthSampled({"nodes": nodes, "metrics": metrics, **more}, BEGAN + sec)


def long_story(hours: float, interval_sec: float = 0.5) -> Iterator[Moment]:
    """A show whose samples are all there, with a kill every three minutes, and one spike of half a second."""
    chapters, length = len(CHAPTERS), hours * 3600
    yield opened(show())
    yield entered(0, 1)
    events = [entered(length * number / chapters, number + 1) for number in range(1, chapters)]
    for run in range(1, int(length / 180)):
        events += killed(run * 180.0, run)
    events.sort(key=lambda moment: moment[0])
    spike = length / 3
    for step in range(int(length / interval_sec)):
        sec = step * interval_sec
        while events and events[0][0] <= sec:
            yield events.pop(0)
        is_spike = sec <= spike < sec + interval_sec
        counters = [{"key": f"pay-{n}", "limit": 100, "admitted": 90 + step % 10, "counted": 90} for n in range(4)]
        yield sample(sec, 9_000 if is_spike else 60 + 20 * math.sin(sec / 40), counters=counters)


async def write(
    path: Path, story: Iterable[Moment], deck: ShowState | None = None, images: Sequence[DeckImage] = ()
) -> Journal:
    """Write a journal and leave it open, as a show that goes on does."""
    journal = Journal(path)
    if deck is not None:
        journal.decks.keep(1, deck, lambda: images)
    entries = []
    for seq, (sec, who, event) in enumerate(story, 1):
        entries.append(e.JournalEntry(seq, BEGAN + sec, who, event))
        if len(entries) == 2000:
            await journal.append(entries)
            entries = []
    await journal.append(entries)
    return journal


def recorded(
    path: Path, story: Iterable[Moment], deck: ShowState | None = None, images: Sequence[DeckImage] = ()
) -> Path:
    """Write a journal and close it; return its path."""

    async def write_and_close() -> None:
        await (await write(path, story, deck, images)).close()

    # In a thread of its own: a test in a browser has a loop that runs already.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(write_and_close())).result()
    return path
