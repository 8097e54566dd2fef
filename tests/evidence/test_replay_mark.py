"""Every screen of a replay says so, whatever it shows."""

import html
import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from demo.show import ReplayState, ShowState
from demo.terminal.screen_layout import TerminalState, draw_screen
from demo.terminal.transcript import REPLAYED, Transcript
from demo.views import snapshot
from demo.views.replay import describe_recorded
from demo.web.rendering.assets import Assets
from demo.web.rendering.renderer import TEMPLATES, Renderer
from tests.support.every_state import all_states, in_language

STATES = all_states()
RECORDED = ReplayState(1_764_500_000.0, "waiting", 0.0, 12.5)
WORDS = describe_recorded(RECORDED)
RENDERER = Renderer(Assets(TEMPLATES.parent / "static"))


def replayed(state: ShowState) -> ShowState:
    return replace(state, replay=RECORDED)


@pytest.mark.parametrize("view", ["stage", "presenter", "remote"])
@pytest.mark.parametrize("name", STATES)
def test_every_page_has_the_mark_in_every_state_and_a_running_show_has_none(view: str, name: str) -> None:
    page = RENDERER.page(view, replayed(STATES[name]), {}, "e", 1.0)
    marks = re.findall(r'<p class="replay-mark"[^>]*>(.*?)</p>', page)
    # The presenter's page has its own, and that of the stage in it.
    assert len(marks) == (2 if view == "presenter" else 1)
    for mark in marks:
        assert "<b>Replay</b>" in mark
        assert WORDS in html.unescape(mark)
    assert "replay-mark" not in RENDERER.page(view, STATES[name], {}, "e", 1.0)


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("size", [(40, 4), (80, 24), (200, 50)])
def test_every_terminal_has_the_mark_in_every_state(name: str, size: tuple[int, int]) -> None:
    console = Console(file=io.StringIO(), width=size[0], height=size[1], color_system=None)
    rows = draw_screen(console, replayed(STATES[name]), TerminalState(20.0), size)
    texts = ["".join(segment.text for segment in row) for row in rows]
    assert len(texts) == size[1]
    assert "REPLAY" in texts[0]
    assert WORDS in texts[0]


def test_each_line_of_a_plain_terminal_has_it_and_the_state_for_programs() -> None:
    for state in STATES.values():
        lines = Transcript().lines(replayed(state))
        assert lines
        assert all(line.startswith(REPLAYED.rstrip()) for line in lines)
        assert any(WORDS in line for line in lines)
        told = snapshot(replayed(state), "e", {}, private=False, now=1.0)["replay"]
        assert told == {"recorded_at": "2025-11-30T10:53:20.000+00:00", "state": "waiting", "rate": 0.0, "next": ""}
        assert snapshot(state, "e", {}, now=1.0)["replay"] is None


def test_the_mark_is_in_the_language_of_the_deck() -> None:
    page = RENDERER.page("stage", replayed(in_language(STATES["calm"], "de")), {}, "e", 1.0)
    assert "<b>Aufzeichnung</b><span>vom 30 Nov. 2025, " in page
