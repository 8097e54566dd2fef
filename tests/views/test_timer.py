"""The timer beside its plan: elapsed, budget, ahead or behind, in JSON and in words."""

import json
import math

import pytest

from demo.show import commands as c
from demo.types import Chapter
from demo.views import clock_text, pace_text, snapshot, timer_view
from tests.support.show_player import Player, player


def planned(*budgets: float | None) -> Player:
    return player(*(Chapter(f"c{n}", "x", budget_sec=budget) for n, budget in enumerate(budgets, 1)))


@pytest.mark.parametrize(
    ("elapsed", "pace"),
    [
        (0, "0:30 ahead"),
        (29.9, "0:01 ahead"),
        (30, "on time"),
        (90.9, "on time"),
        (91, "0:01 behind"),
        (3800, "1:01:50 behind"),
    ],
)
def test_the_pace_is_told_against_the_plan_of_this_chapter(elapsed: float, pace: str) -> None:
    show = planned(30, 60, 20)
    show.play(c.Advance())
    view = timer_view(show.state)
    assert (view.from_sec, view.until_sec, view.budget_sec) == (30, 90, 110)
    assert pace_text(view, show.at + elapsed) == pace


def test_one_that_has_not_begun_is_neither_early_nor_late() -> None:
    show = planned(30, 60)
    view = timer_view(show.state)
    assert (view.word, pace_text(view, show.at + 500)) == ("starts with the next step", "")


def test_why_it_stands_is_a_word() -> None:
    show = planned(30, 60)
    show.play(c.Advance())
    assert timer_view(show.state).word == ""
    show.play(c.Blackout(True))
    assert timer_view(show.state).word == "curtain"
    show.play(c.PauseTimer())
    assert timer_view(show.state).word == "paused"


def test_without_budgets_there_is_no_plan_to_be_late_for() -> None:
    show = planned(None, None)
    show.play(c.Advance())
    view = timer_view(show.state)
    assert (view.budget_sec, view.from_sec, view.until_sec) == (None, None, None)
    assert pace_text(view, show.at + 500) == ""


def test_a_chapter_without_a_budget_or_with_an_endless_one_adds_nothing() -> None:
    show = planned(30, None, math.inf, 20)
    show.play(c.Goto(3))
    view = timer_view(show.state)
    assert (view.from_sec, view.until_sec, view.budget_sec) == (30, 30, 50)
    assert json.dumps(snapshot(show.state, "e", {}), allow_nan=False)


def test_the_snapshot_tells_the_timer_as_of_its_moment() -> None:
    show = planned(30, 60)
    fresh = {"running": False, "elapsed_sec": 0.0, "started_at": None, "budget_sec": 90}
    assert snapshot(show.state, "e", {}, now=5000)["timer"] == fresh
    show.at = 999.0
    show.play(c.Advance())
    assert snapshot(show.state, "e", {}, now=1012.3456)["timer"] == {
        "running": True,
        "elapsed_sec": 12.346,
        "started_at": "1970-01-01T00:16:40.000+00:00",
        "budget_sec": 90,
    }
    show.play(c.PauseTimer(), later=20)
    stands = snapshot(show.state, "e", {}, now=5000)["timer"]
    assert (stands["running"], stands["elapsed_sec"], stands["started_at"]) == (False, 20, None)
    assert snapshot(planned(None).state, "e", {})["timer"]["budget_sec"] is None


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (7.9, "0:07"), (60, "1:00"), (3599, "59:59"), (3723, "1:02:03"), (-4, "0:00")],
)
def test_a_clock_reads_as_on_a_watch(seconds: float, shown: str) -> None:
    assert clock_text(seconds) == shown
