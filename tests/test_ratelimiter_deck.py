"""The story: its order, its words, and verdicts that only say what was measured."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from demo.subjects.ratelimiter.acts import Acts
from demo.subjects.ratelimiter.deck import deck
from demo.subjects.ratelimiter.limits import EXACT_KEY, NAIVE_KEY
from demo.subjects.ratelimiter.verdicts import Requests, of_burst, of_kill, of_pause
from demo.types import Measured

SEEN = Measured(0.41, 1.23)


class Theatre:
    """A stage that plays back health samples, and notes what the deck does."""

    def __init__(self, before: dict[str, Any], after: dict[str, Any], measured: Measured = SEEN) -> None:
        self._samples = [before, after]
        self._measured = measured
        self.calls: list[str] = []
        self.verdict: tuple[bool | None, str] | None = None

    async def inject(self, name: str) -> None:
        self.calls.append(f"inject {name}")
        del self._samples[0]

    async def heal(self, name: str) -> None:
        self.calls.append(f"heal {name}")

    async def say(self, text: str) -> None:
        self.calls.append(f"say {text}")

    async def countdown(self, seconds: float) -> None:
        self.calls.append(f"countdown {seconds}")

    async def wait_until(self, condition: Callable[[Mapping[str, Any]], bool], timeout: float) -> bool:
        return condition(self._samples[0])

    async def wait_recovered(self, name: str, timeout: float) -> bool:
        self.calls.append(f"recovered {name}")
        return self._measured.recovered_after_sec is not None

    async def conclude(self, held: bool | None, text: str) -> None:
        self.verdict = (held, text)

    def measured(self, name: str) -> Measured:
        return self._measured

    def health(self) -> Mapping[str, Any] | None:
        return self._samples[0]


def health(ok: int, failed: int = 0, counters: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
    named = [{"key": key, "limit": 100, **values} for key, values in (counters or {}).items()]
    return {"totals": {"ok": ok, "limited": 0, "failed": failed}, "counters": named}


CHAPTERS = deck(Theatre({}, {}))


def test_the_first_three_chapters_are_plain() -> None:
    assert 8 <= len(CHAPTERS) <= 10
    for chapter in CHAPTERS[:3]:
        assert chapter.on_enter is None
        assert not chapter.blocks_advance
        assert not chapter.auto_advance


def test_each_fault_follows_a_hypothesis_and_the_evidence_comes_after_them_all() -> None:
    acting = [index for index, chapter in enumerate(CHAPTERS) if chapter.on_enter]
    assert len(acting) == 3
    assert all(CHAPTERS[index - 1].hypothesis and CHAPTERS[index].blocks_advance for index in acting)
    evidence = next(index for index, chapter in enumerate(CHAPTERS) if chapter.shows_evidence)
    assert evidence == acting[-1] + 1
    assert CHAPTERS[acting[-1]].auto_advance


def test_words_fit_a_stage_and_the_presenter_has_notes_and_a_budget() -> None:
    for chapter in CHAPTERS:
        assert len(chapter.narration.split()) <= 45, chapter.title
        assert 2 <= chapter.notes.count("\n") + 1 <= 4, chapter.title
        assert all(line.startswith("- ") for line in chapter.notes.splitlines()), chapter.title
        assert chapter.budget_sec, chapter.title
    assert sum(chapter.budget_sec or 0 for chapter in CHAPTERS) <= 12 * 60


@pytest.mark.parametrize(
    ("measured", "requests", "held", "words"),
    [
        (SEEN, Requests(412, 0), True, "None of 412 requests failed. Seen down after 0.4 s"),
        (SEEN, Requests(412, 3), False, "3 of 412 requests failed"),
        (Measured(0.4, 7.0), Requests(412, 0), False, "7.0 s after the repair"),
        (Measured(0.4, None), Requests(412, 0), False, "not all parts came back"),
        (Measured(None, None), Requests(412, 0), None, "No effect seen"),
        (SEEN, None, None, "Not measurable"),
    ],
)
def test_the_verdict_on_a_killed_node(
    measured: Measured, requests: Requests | None, held: bool | None, words: str
) -> None:
    verdict = of_kill(measured, requests)
    assert verdict[0] is held
    assert words in verdict[1]


def key(name: str, ghosts: int | None, at: float | None) -> dict[str, Any]:
    return {"key": name, "limit": 100, "ghosts": ghosts, "ghosts_at": at}


@pytest.mark.parametrize(
    ("naive", "exact", "held", "words"),
    [
        ((43, 20.0), (0, None), True, "143 of 100, so 43 ghosts"),
        ((0, None), (0, None), None, "No effect seen"),
        ((43, 5.0), (0, None), None, "No effect seen"),
        ((43, 20.0), (2, 21.0), False, "102 through, 2 more"),
        ((43, 20.0), (2, 5.0), True, "In one step: no ghost"),
        ((None, None), (0, None), None, "Not measurable"),
    ],
    ids=["the race", "no race", "an older race", "one step failed", "an older pause", "no backend"],
)
def test_the_verdict_on_a_burst(
    naive: tuple[int | None, float | None], exact: tuple[int | None, float | None], held: bool | None, words: str
) -> None:
    verdict = of_burst([key(NAIVE_KEY, *naive), key(EXACT_KEY, *exact)], since=10.0)
    assert verdict[0] is held
    assert words in verdict[1]


@pytest.mark.parametrize(
    ("drifts", "requests", "held", "words"),
    [
        ([(30, 20.0), (12, 21.0), (0, None)], Requests(500, 0), True, "does not know of 42"),
        ([(30, 20.0)], Requests(500, 9), False, "9 of 500 requests failed"),
        ([(30, 5.0)], Requests(500, 0), None, "No effect seen"),
        ([(None, None)], Requests(500, 0), None, "No effect seen"),
        ([(30, 20.0)], None, None, "Not measurable"),
    ],
)
def test_the_verdict_on_a_pause(
    drifts: list[tuple[int | None, float | None]], requests: Requests | None, held: bool | None, words: str
) -> None:
    verdict = of_pause([{"drift": drift, "drift_at": at} for drift, at in drifts], 10.0, requests)
    assert verdict[0] is held
    assert words in verdict[1]


def test_requests_between_two_samples_are_unknown_when_the_traffic_was_started_anew() -> None:
    assert Requests.between(health(100), health(160, failed=2)) == Requests(62, 2)
    assert Requests.between(health(100), health(3)) is None
    assert Requests.between(None, health(3)) is None
    assert Requests.between({"totals": {}}, health(3)) is None


@pytest.mark.anyio
async def test_a_chapter_counts_down_injects_waits_for_the_recovery_and_concludes() -> None:
    later = time.time() + 60
    cases: list[tuple[str, str, dict[str, dict[str, Any]]]] = [
        ("kill", "kill-node", {}),
        ("burst", "burst", {NAIVE_KEY: {"ghosts": 9, "ghosts_at": later}, EXACT_KEY: {"ghosts": 0}}),
        ("pause", "pause-redis", {"login": {"drift": 9, "drift_at": later}}),
    ]
    for method, fault, counters in cases:
        theatre = Theatre(health(10), health(90, counters=counters))
        await getattr(Acts(theatre, reading_sec=0.0), method)()
        assert theatre.calls == ["countdown 3", f"inject {fault}", f"recovered {fault}"]
        assert theatre.verdict is not None
        assert theatre.verdict[0] is True, theatre.verdict
