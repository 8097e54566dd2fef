"""The geometry of curves and marks: nothing drawn where nothing was measured, no text of a mark over another."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.views.curves import PlotView, SeriesView, TimelineView
from demo.views.marks import Mark
from demo.web.rendering.plot_layout import PIN, SHARE, DrawnMark, between, draw_timeline, path


@pytest.mark.parametrize(
    ("points", "drawn"),
    [
        ([(0, 5), (10, 7)], "M0 5l10 2"),
        ([(0, 5), (10, None), (20, 7), (30, 7)], "M0 5M20 7l10 0"),
        ([(0, None)], ""),
    ],
)
def test_a_curve_breaks_where_a_value_is_missing(points: list[tuple[int, int | None]], drawn: str) -> None:
    assert path(points) == drawn


@pytest.mark.parametrize(
    ("points", "areas"),
    [
        ([(0, 30), (10, 40)], ""),
        ([(0, 30), (10, 10), (20, 30)], "M5 20l5 -10l5 10L15 20L10 20L5 20z"),
        ([(0, 10), (10, 10)], "M0 10l10 0L10 20L0 20z"),
        ([(0, 20), (10, 20)], ""),
        ([(0, 30), (10, 10), (20, None), (30, 10), (40, 10)], "M5 20l5 -10L10 20L5 20zM30 10l10 0L40 20L30 20z"),
    ],
)
def test_only_what_is_above_the_limit_is_an_area(points: list[tuple[int, int | None]], areas: str) -> None:
    assert between([(x, 20) for x, _ in points], points) == areas


def timeline(*marks: Mark, newest: float = 1000.0) -> TimelineView:
    line = SeriesView("load", "5", ((newest - 1, 5.0), (newest, 5.0)))
    return TimelineView((PlotView("line", "load", "/s", (line,), 10.0),), marks, newest, 30)


def marks_of(*marks: Mark) -> tuple[DrawnMark, ...]:
    return draw_timeline(timeline(*marks)).marks


def test_marks_that_follow_at_once_share_a_line_in_two_rows() -> None:
    (one,) = marks_of(Mark(990.0, "node-2 killed", "down"), Mark(990.2, "detected in 0.2 s", "seen"))
    assert one.texts == (("node-2 killed", "down"), ("detected in 0.2 s", "seen"))
    assert (one.x, one.side, one.row) == (round(SHARE * 20 / 30, 2), "left", 1)


def test_what_tells_when_a_fault_was_seen_stands_at_the_fault() -> None:
    assert len(marks_of(Mark(990.0, "redis frozen", "down"), Mark(991.6, "detected in 1.6 s", "seen"))) == 1
    assert len(marks_of(Mark(990.0, "redis frozen", "down"), Mark(991.6, "recovered in 1.6 s", "up"))) == 2


def test_a_text_stands_right_of_its_line_where_that_is_far_on_the_left() -> None:
    assert [mark.side for mark in marks_of(Mark(971.0, "killed", "down"))] == ["right"]
    assert [mark.side for mark in marks_of(Mark(995.0, "killed", "down"))] == ["left"]


def test_a_recovery_soon_after_its_fault_goes_to_the_other_side() -> None:
    killed, recovered = marks_of(
        Mark(985.0, "node-2 killed", "down"), Mark(985.2, "detected in 0.2 s", "seen"), Mark(991.0, "recovered", "up")
    )
    assert (killed.side, recovered.side) == ("left", "right")
    assert len(killed.texts) + len(recovered.texts) == 3


@given(
    st.lists(
        st.tuples(
            st.floats(960, 1001), st.text("ab ", min_size=1, max_size=26), st.sampled_from(["down", "up", "seen"])
        ),
        max_size=8,
    )
)
def test_no_text_of_a_mark_covers_another_or_leaves_the_picture(given_marks: list[tuple[float, str, str]]) -> None:
    found = marks_of(*(Mark(at, text, kind) for at, text, kind in sorted(given_marks)))
    boxes = []
    for mark in found:
        assert 0 <= mark.x <= SHARE
        for row, (text, _) in enumerate(mark.texts, mark.row):
            assert row <= 2
            wide = len(text) * 1.5
            near, far = PIN / 2, max(PIN / 2, wide)  # No text stands on the head of its own line.
            boxes.append(
                (row, mark.x + near, mark.x + far) if mark.side == "right" else (row, mark.x - far, mark.x - near)
            )
    assert all(left >= 0 and right <= 100 for _, left, right in boxes)
    for (row, left, right), (other, start, end) in combinations(boxes, 2):
        assert row != other or right <= start or end <= left


def test_bands_lie_on_each_other_and_each_has_its_label_at_a_fixed_height() -> None:
    one = SeriesView("a", "10", ((999.0, 10.0), (1000.0, 10.0)))
    two = SeriesView("b", "–", ((999.0, 10.0), (1000.0, None)), "down")
    view = TimelineView((PlotView("bands", "node", "req/s", (one, two), 20.0),), (), 1000.0, 30)
    (plot,) = draw_timeline(view).plots
    assert [label.y for label in plot.labels] == [25.0, 75.0]
    assert [label.value for label in plot.labels] == ["10/s", "–/s"]
    lower, upper = plot.shapes
    assert lower.path == "M290 50l10 50L300 100L290 100z", "nothing is left of it"
    assert upper.path == "M290 0l10 50L300 100L290 50z"
