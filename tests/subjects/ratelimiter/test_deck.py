"""The story: its order, its words, and verdicts that only say what was measured."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from demo.subjects.ratelimiter.accounting import Account, Ask, account_of
from demo.subjects.ratelimiter.chapter_actions import LimiterActions
from demo.subjects.ratelimiter.limits import EXACT_KEY, NAIVE_KEY
from demo.subjects.ratelimiter.verdicts import Requests, of_burst, of_kill, of_pause, why_not_comparable
from demo.subjects.registry import load
from demo.types import Measured

SEEN = Measured(0.41, 1.23)


class Theatre:
    """A stage that plays back health samples, and notes what the deck does."""

    def __init__(self, before: dict[str, Any], after: dict[str, Any], measured: Measured = SEEN) -> None:
        """The samples show the wall's last 30 s: no verdict may rest on them."""
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


def asking(*accounts: Account) -> Ask:
    """Gives these accounts, one after the other."""
    left = list(accounts)

    async def ask(since: float) -> Account:
        assert abs(time.time() - since) < 60
        return left.pop(0)

    return ask


LIVES = {"traffic": 1.0, "backend": 2.0, "redis": 3}


def account(ok: int, failed: int = 0, keys: tuple[dict[str, Any], ...] = (), **lives: object) -> Account:
    return Account({"ok": ok, "limited": 0, "failed": failed}, keys, LIVES | lives)


CHAPTERS = load("ratelimiter").chapters(Theatre({}, {}))


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
        (SEEN, Requests(412, 0), True, "None of 412 requests failed. All up"),
        (SEEN, Requests(412, 0), True, "Detected in 0.4 s"),
        (SEEN, Requests(412, 3), False, "3 of 412 requests failed"),
        (Measured(0.4, 7.0), Requests(412, 0), False, "All up only 7.0 s after the repair began, later than 5 s. None"),
        (Measured(0.4, 7.0), Requests(412, 3), False, "3 of 412 requests failed. All up only 7.0 s"),
        (Measured(0.4, None), Requests(412, 0), False, "Not all parts came back. None of 412"),
        (Measured(0.4, None, None, 2.0), Requests(412, 0), None, "came back by itself after 2.0 s"),
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


def key(name: str, ghosts: int | None = 0, drift: int | None = 0, around: int | None = 0) -> dict[str, Any]:
    return {"key": name, "limit": 100, "ghosts": ghosts, "drift": drift, "drift_in_windows": around}


@pytest.mark.parametrize(
    ("naive", "exact", "held", "words"),
    [
        ((43, 0, 0), (0, 0, 0), True, "143 of 100, so 43 ghosts. In one step: no ghost"),
        ((0, 0, 0), (0, 0, 0), None, "No effect seen"),
        ((43, 0, 0), (2, 0, 0), False, "102 through, 2 more"),
        ((None, 0, 0), (0, 0, 0), None, "Not measurable: the backend"),
        ((43, 0, 0), (None, 0, 0), None, "Not measurable: the backend"),
        ((43, 0, 0), (200, 7, 190), None, "nodes counted alone meanwhile (190 requests Redis does not know of)"),
        ((43, 0, 5), (0, 0, 0), None, "nodes counted alone meanwhile (5 requests"),
        ((43, 0, 0), (0, None, None), None, "Not measurable: Redis did not report"),
    ],
    ids=["race", "none", "one step failed", "no naive", "no exact", "freeze", "freeze on naive", "no audit"],
)
def test_the_verdict_on_a_burst(
    naive: tuple[int | None, ...], exact: tuple[int | None, ...], held: bool | None, words: str
) -> None:
    verdict = of_burst([key(NAIVE_KEY, *naive), key(EXACT_KEY, *exact)])
    assert verdict[0] is held
    assert words in verdict[1]


@pytest.mark.parametrize("keys", [[], [key(NAIVE_KEY, 43)], [key(EXACT_KEY)]], ids=["none", "naive", "exact"])
def test_a_burst_with_a_key_missing_is_not_measurable(keys: list[dict[str, Any]]) -> None:
    verdict = of_burst(keys)
    assert verdict[0] is None
    assert "Not measurable" in verdict[1]


@pytest.mark.parametrize(
    ("drifts", "requests", "held", "words"),
    [
        ([30, 12, 0], Requests(500, 0), True, "None of 500 requests failed. Redis does not know of 42"),
        ([30], Requests(500, 9), False, "9 of 500 requests failed. Redis does not know of 30"),
        ([0, 0], Requests(500, 9), False, "9 of 500 requests failed"),
        ([0, 0], Requests(500, 0), None, "No effect seen: none of 500 requests failed, and Redis missed nothing"),
        ([None], Requests(500, 0), None, "Not measurable"),
        ([30, None], Requests(500, 0), None, "Not measurable"),
        ([], Requests(500, 0), None, "Not measurable"),
        ([None], Requests(500, 9), False, "9 of 500 requests failed. What Redis missed is not known"),
        ([30], None, None, "Not measurable"),
    ],
    ids=[
        "lost count",
        "failed",
        "only failed",
        "none",
        "no audit",
        "half",
        "no keys",
        "failed unaudited",
        "no traffic",
    ],
)
def test_the_verdict_on_a_pause(
    drifts: list[int | None], requests: Requests | None, held: bool | None, words: str
) -> None:
    verdict = of_pause([key("k", drift=drift) for drift in drifts], requests)
    assert verdict[0] is held
    assert words in verdict[1]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({}, {}, None),
        ({}, {"backend": 9.0}, "the backend was restarted meanwhile"),
        ({}, {"traffic": 9.0}, "the traffic was restarted meanwhile"),
        ({}, {"redis": 9}, "Redis was restarted meanwhile"),
        ({}, {"backend": None}, "the backend did not answer"),
        ({"traffic": None}, {}, "the traffic did not answer"),
        ({}, {"redis": None}, None),
    ],
    ids=["all the same", "backend", "traffic", "redis", "backend gone", "no traffic before", "redis silent"],
)
def test_numbers_of_two_lives_are_not_compared(
    before: dict[str, object], after: dict[str, object], words: str | None
) -> None:
    verdict = why_not_comparable(LIVES | before, LIVES | after)
    assert (verdict is None) is (words is None)
    if verdict is not None and words is not None:
        assert verdict == (None, f"Not measurable: {words}.")


def test_requests_between_two_moments_are_unknown_when_the_traffic_was_started_anew() -> None:
    assert Requests.between(account(100).totals, account(160, failed=2).totals) == Requests(62, 2)
    assert Requests.between(account(100).totals, account(3).totals) is None
    assert Requests.between({}, account(3).totals) is None


STALE = {"counters": [key(name, ghosts=77, drift=77) for name in (NAIVE_KEY, EXACT_KEY)], "totals": {"failed": 77}}
"""What an earlier run left on the wall."""

ACTS = [
    ("kill", "kill-node", ()),
    ("burst", "burst", (key(NAIVE_KEY, 9), key(EXACT_KEY))),
    ("pause", "pause-redis", (key("login", drift=9),)),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("method", "fault", "keys"), ACTS)
async def test_a_chapter_counts_down_injects_waits_for_the_recovery_and_concludes(
    method: str, fault: str, keys: tuple[dict[str, Any], ...]
) -> None:
    theatre = Theatre(STALE, STALE)
    await getattr(LimiterActions(theatre, asking(account(10), account(90, keys=keys)), reading_sec=0.0), method)()
    assert theatre.calls == ["countdown 3", f"inject {fault}", f"recovered {fault}"]
    assert theatre.verdict is not None
    assert theatre.verdict[0] is True, theatre.verdict
    assert "77" not in theatre.verdict[1]


@pytest.mark.anyio
@pytest.mark.parametrize(("method", "fault", "keys"), ACTS)
async def test_a_backend_started_anew_meanwhile_leaves_nothing_to_conclude(
    method: str, fault: str, keys: tuple[dict[str, Any], ...]
) -> None:
    theatre = Theatre({}, {})
    await getattr(
        LimiterActions(theatre, asking(account(10), account(90, keys=keys, backend=9.0)), reading_sec=0.0), method
    )()
    assert theatre.verdict == (None, "Not measurable: the backend was restarted meanwhile.")


def test_the_words_are_true_before_anything_happens() -> None:
    """The page stands there during the countdown, and after a jump."""
    told = {chapter.title: chapter.narration for chapter in CHAPTERS}
    assert told["Kill a node"].startswith("At zero we kill `node-2`")
    assert told["Burst"].startswith("At zero: ")
    assert "What rises above the dashed line are **ghosts**" in told["Burst"]
    assert told["What we saw"] == "What we guessed, and what was measured."


def test_who_does_not_answer_gives_no_account() -> None:
    assert account_of({}, {}) == Account()
    told = account_of(
        {"totals": {"ok": 1}, "started_at": 5.0}, {"keys": [{"key": "k"}], "started_at": 6.0, "redis": None}
    )
    assert told == Account({"ok": 1}, ({"key": "k"},), {"traffic": 5.0, "backend": 6.0})


@pytest.mark.parametrize(
    ("fallback", "words"), [("local", "count alone"), ("open", "let everything in"), ("closed", "The shop closes")]
)
def test_the_story_says_what_these_nodes_do_without_redis(fallback: str, words: str) -> None:
    told = [chapter.narration for chapter in load("ratelimiter", fallback=fallback).chapters(Theatre({}, {}))]
    assert [index for index, narration in enumerate(told) if words in narration] == [6]


def test_a_kill_that_nobody_saw_but_that_cost_requests_did_not_hold() -> None:
    held, text = of_kill(Measured(None, None), Requests(100, 7))
    assert held is False
    assert text == "7 of 100 requests failed, though the node was never seen down."
    assert of_kill(Measured(None, None), Requests(100, 0))[0] is None
