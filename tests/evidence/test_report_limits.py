"""The limits of predictions over a report's curves: which, from when to when, and where their texts stand."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from demo.evidence.facts_reader import read_facts
from demo.evidence.report_drawing import DrawnSeries, draw_compared, draw_curves
from demo.evidence.report_limits import PER_CHARACTER, DrawnLimit, MeasuredLimit, draw_limits
from demo.evidence.reports import make_report
from demo.narration.threshold import Threshold
from demo.show import events as e
from tests.support.recorded_shows import CHAPTERS, Moment, entered, killed, opened, recorded, sample, show

BELOW = Threshold("load", "<", 90.0, "/s")
ABOVE = Threshold("metrics.load", ">=", 20.0)
OF_ANOTHER = Threshold("errors", "<", 0.01, "%")


def write(path: Path, *thresholds: Threshold, load: float = 60.0, until: float = 60.0) -> Path:
    chapters = [replace(c, thresholds=thresholds) if c.hypothesis == "No request fails" else c for c in CHAPTERS]
    state = show(chapters)
    story: list[Moment] = [opened(state), entered(0, 1), entered(10, 2), entered(20, 3), *killed(21), *killed(40, 2)]
    story += [sample(float(sec), load + sec % 7) for sec in range(int(until))]
    story.sort(key=lambda moment: moment[0])
    return recorded(path, [*story, (until, "show", e.ShowClosed(over=True))], state)


def drawn(path: Path) -> DrawnSeries:
    [series] = draw_curves(read_facts(path)).series
    return series


def test_a_limit_is_drawn_from_the_injection_to_the_recovery_of_each_fault_it_was_judged_for(tmp_path: Path) -> None:
    series = drawn(write(tmp_path / "one.journal", BELOW))
    assert [limit.said for limit in series.predicted] == ["predicted < 90 /s"] * 2
    first, second = series.predicted
    # 21 s to 26 s + 1.5 s of 60 s, on an axis from 96 to 752.
    assert first.x == pytest.approx(96 + 656 * 21 / 60, abs=0.2)
    assert first.width == pytest.approx(656 * 6.5 / 60, abs=0.2)
    assert second.x == pytest.approx(96 + 656 * 40 / 60, abs=0.2)


def test_the_scale_has_room_above_a_limit(tmp_path: Path) -> None:
    series = drawn(write(tmp_path / "one.journal", replace(BELOW, value=400.0)))
    assert series.scale[0][1] == "500"
    assert all(30 < limit.y < 122 for limit in series.predicted)


def test_a_limit_of_another_number_is_not_drawn(tmp_path: Path) -> None:
    assert drawn(write(tmp_path / "one.journal", OF_ANOTHER)).predicted == ()


def test_two_limits_of_one_number_are_two_lines_with_their_texts(tmp_path: Path) -> None:
    series = drawn(write(tmp_path / "one.journal", BELOW, ABOVE))
    assert {limit.text for limit in series.predicted} == {"predicted < 90 /s", "predicted ≥ 20 /s"}


def place(number: int, since: float, value: float, text: str) -> MeasuredLimit:
    return MeasuredLimit(number, since, since + 5, "<", value, text)


@pytest.mark.parametrize(
    "limits",
    [
        [place(1, 0, 50, "predicted < 50")],
        [place(1, 99, 50, "predicted < 50 requests a second")],
        [place(1, 0, 100, "predicted < 100"), place(2, 1, 98, "predicted < 98")],
        [place(1, 0, 50, "predicted < 50"), place(2, 1, 51, "predicted < 51"), place(3, 2, 52, "predicted < 52")],
        [place(number, number * 2.0, 1, "predicted < 1 %") for number in range(20)],
    ],
)
def test_texts_stay_in_the_box_and_never_lie_over_one_another(limits: Sequence[MeasuredLimit]) -> None:
    box = (96, 30, 752, 122)
    found = draw_limits(limits, lambda sec: 96 + 6.56 * sec, lambda value: 122 - 0.92 * value, box)
    assert len(found) == len(limits)
    shown = [limit for limit in found if limit.text]
    assert shown
    for index, one in enumerate(shown):
        assert box[0] <= one.text_x
        assert one.text_x + len(one.text) * PER_CHARACTER <= box[2] + 0.1
        assert box[1] <= one.text_y - 10
        assert one.text_y <= box[3]
        for other in shown[index + 1 :]:
            assert not lies_over(one, other), (one, other)


def lies_over(one: DrawnLimit, other: DrawnLimit) -> bool:
    beside = one.text_x + len(one.text) * PER_CHARACTER <= other.text_x + 0.1
    behind = other.text_x + len(other.text) * PER_CHARACTER <= one.text_x + 0.1
    return not (beside or behind) and abs(one.text_y - other.text_y) < 10


def test_the_documents_have_them(tmp_path: Path) -> None:
    path = write(tmp_path / "one.journal", BELOW)
    html = make_report([path], "html").text
    assert html.count('class="limit predicted"') == 2
    assert "predicted &lt; 90 /s</text>" in html
    assert "Dashed: what a prediction demanded" in html
    assert "predicted \\< 90 /s |" in make_report([path], "markdown").text
    without = make_report([write(tmp_path / "two.journal")], "html").text
    assert "Dashed:" not in without
    assert 'class="limit' not in without


def test_two_shows_have_their_curves_on_one_scale(tmp_path: Path) -> None:
    calm, busy = write(tmp_path / "calm.journal", BELOW), write(tmp_path / "busy.journal", BELOW, load=700.0)
    found = draw_compared(read_facts(calm), read_facts(busy))
    assert found is not None
    [one], [other] = found[0].series, found[1].series
    assert one.scale == other.scale
    assert one.predicted[0].y == other.predicted[0].y
    page = make_report([calm, busy], "html").text
    assert re.findall(r'<section id="(curves-\d)"', page) == ["curves-1", "curves-2"]
    assert "Measured against predictions: calm" in page
    assert page.count('class="limit predicted"') == 4


def test_two_shows_without_such_predictions_have_no_curves(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{name}.journal") for name in ("one", "two")]
    assert draw_compared(*map(read_facts, paths)) is None
    assert "curves-1" not in make_report(paths, "html").text
