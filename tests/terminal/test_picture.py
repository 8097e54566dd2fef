"""The picture: exactly as large as the terminal, whatever is in it; nothing lost without a word."""

import io
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from demo.clean import clean
from demo.show import Point, ShowState, Span, create_initial_state
from demo.show import commands as c
from demo.show.health_sample import read_sample
from demo.terminal.card_grid import CardGrid
from demo.terminal.keymap import Keypad
from demo.terminal.row_layout import Block, RowLayout, blank, share
from demo.terminal.screen_layout import TerminalState, draw_screen, key_hint
from demo.terminal.style import age_text, column_bars, left_text
from demo.types import Chapter
from demo.views import CardView
from tests.support.show_player import PLAIN, fault, player

SIZES = [(1, 1), (2, 3), (10, 4), (20, 8), (40, 12), (80, 24), (107, 24), (108, 30), (120, 36), (200, 50), (200, 60)]
EVIL = "a\x1b]0;t\x07b\x9b2Jc\u202e\r\n\x00d\u200b\U0001f469\u200d\U0001f680 [bold"


def console() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=80, _environ={})


def sample(nodes: int, down: int = 0) -> dict[str, object]:
    return {
        "nodes": [
            {
                "id": f"n{i}",
                "name": f"node-{i}",
                "health": "down" if i >= nodes - down else "up",
                "metrics": {"req/s": 100 + i},
            }
            for i in range(nodes)
        ],
        "interval_sec": 1.0,
        "metrics": [{"name": "rps", "label": "Requests", "value": 12.0, "unit": "req/s"}],
        "counters": [{"key": "login", "algorithm": "fixed", "limit": 100, "admitted": 182, "drift": 84, "ghosts": 84}],
    }


def busy(nodes: int = 5, text: str = "A story of some words. " * 12) -> ShowState:
    deck = (
        Chapter("One", text, notes="Say hello.", hypothesis="It holds."),
        Chapter("Two " + text[:40], text, hypothesis=text[:60], key_hint="[bold]broken[/wrong]"),
    )
    play = player(*deck, faults=(fault("kill"), fault("pause", math.inf)))
    play.play(c.RecordSample(read_sample(sample(nodes, 1), play.at + 1)))
    play.inject()
    play.play(c.Advance())
    play.play(c.Say(text[:100]))
    play.play(c.StartCountdown(2, 9.0))
    play.play(c.Notice("something odd"))
    return play.state


def frozen() -> ShowState:
    play = player(*PLAIN)
    play.play(c.Freeze())
    play.play(c.Advance())
    return play.state


def drawn(state: ShowState, size: tuple[int, int], **own: object) -> list[str]:
    desk = TerminalState(now=1010.0, **own)  # type: ignore[arg-type]
    return ["".join(segment.text for segment in row) for row in draw_screen(console(), state, desk, size)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", ["", "faults", "jump", "help"])
@pytest.mark.parametrize(
    "state",
    [player().state, busy(), busy(300), busy(3, EVIL * 5), frozen()],
    ids=["bare", "busy", "many", "evil", "frozen"],
)
def test_it_has_exactly_the_size_of_the_terminal(size: tuple[int, int], mode: str, state: ShowState) -> None:
    rows = drawn(state, size, pad=Keypad(mode), notices=("no",), notes=True, printed=("x", EVIL))  # type: ignore[arg-type]
    assert len(rows) == size[1]
    assert {cell_len(clean(row)) for row in rows} == {size[0]}


@settings(max_examples=40, deadline=None)
@given(text=st.text(max_size=200), size=st.tuples(st.integers(1, 200), st.integers(1, 60)))
def test_no_text_breaks_the_picture(text: str, size: tuple[int, int]) -> None:
    assert len(drawn(busy(3, text), size, notes=True, printed=(text,))) == size[1]


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
def test_what_matters_is_on_it_at_every_common_size(size: tuple[int, int]) -> None:
    text = "\n".join(drawn(busy(), size))
    for words in ("[2/2]", "Two", "A story", "Prediction:", "to go", "✗ node-4", "login", "n killed", "something odd"):
        assert words in text


def test_of_more_nodes_than_room_the_broken_ones_are_named_and_their_group_is_counted() -> None:
    rows = drawn(busy(300), (80, 24))
    text = "\n".join(rows)
    assert "✗ node-299" in text
    assert "299 of 300 up" in text
    assert "1 down" in text


def test_thirty_nodes_still_have_a_card_each_and_those_without_room_are_counted() -> None:
    text = "\n".join(drawn(busy(29), (80, 24)))
    assert "✗ node-28" in text
    assert "more, all up" in text


@pytest.mark.parametrize(
    "state", ["up", "degraded", "down", "starting", "offline", "unknown", "stale", "never heard of"]
)
@pytest.mark.parametrize("height", [1, 2, 3, 9])
def test_a_state_is_a_shape_and_a_word(state: str, height: int) -> None:
    shape = {"up": "●", "degraded": "▲", "down": "✗", "offline": "✗"}.get(state, "◌")
    card = CardView("n", "n", state, state, "12", "ms", "its detail", 1000.0)
    rows = CardGrid(RowLayout(console()), 1001.0).fit([card], 40, height)
    head = "".join(segment.text for segment in rows[1 if height >= 4 else 0])  # below the edge of its frame
    assert shape in head
    assert {"up": "running"}.get(state, state) in head


def test_stale_health_is_not_drawn_as_alive() -> None:
    play = player()
    play.record_sample()
    play.play(c.CheckFreshness(), later=5.0)
    text = "\n".join(drawn(play.state, (80, 24)))
    assert "◌ no contact" in text
    assert "◌ No contact with the system" in text
    assert "● n" not in text


def test_a_chapter_that_nobody_has_entered_yet_is_not_on_screen() -> None:
    text = "".join(drawn(create_initial_state("T", "s", "d", PLAIN), (80, 24)))
    assert text.split() == ["starting", "·", "Q", "quits"]


def test_blackout_shows_a_word_and_no_story() -> None:
    play = player()
    play.play(c.Blackout(on=True))
    text = "".join(drawn(play.state, (80, 24)))
    assert " ".join(text.split()) == "curtain closed · B opens it"


def test_a_frozen_room_is_said_and_the_terminal_goes_on() -> None:
    play = player()
    play.play(c.Freeze())
    play.play(c.Advance())
    for size in ((40, 12), (80, 24), (120, 36)):
        text = "\n".join(drawn(play.state, size))
        assert "Held: the audience sees chapter 1" in text
        assert "[2/3]" in text


def test_the_talks_clock_is_on_it_where_there_is_room() -> None:
    play = player(Chapter("One", "one", budget_sec=60), Chapter("Two", "two", budget_sec=30))
    play.at = 1004.0
    play.play(c.Advance())
    assert "0:05 / 1:30 · 0:55 ahead" in "\n".join(drawn(play.state, (80, 24)))
    assert "0:05" not in "\n".join(drawn(play.state, (60, 24)))


def test_notes_show_only_when_asked_for() -> None:
    play = player(Chapter("One", "story", notes="secret"))
    assert "secret" not in "".join(drawn(play.state, (80, 24)))
    assert "secret" in "".join(drawn(play.state, (80, 24), notes=True))


def test_a_hint_with_broken_markup_is_shown_as_it_was_typed() -> None:
    assert key_hint("[bold]next[/wrong]").plain == "[bold]next[/wrong]"
    assert key_hint("[dim]next[/dim]").plain == "next"
    assert key_hint("").plain == "SPACE/ENTER: next | Q: quit"


def test_rows_are_shared_by_rank_and_spare_ones_grow_last() -> None:
    def block(rows: int, rank: int, least: int = 1, spare: bool = False) -> Block:
        return Block([blank(3)] * rows, rank, least, spare=spare)

    assert share([block(5, 2), block(5, 1), block(9, 0, spare=True)], 12) == ([5, 5, 2], [0, 0, 0])
    assert share([block(5, 2), block(5, 1)], 6) == ([1, 5], [0, 0])
    assert share([block(5, 2), block(5, 1)], 1) == ([0, 1], [0, 0])


@pytest.mark.parametrize(
    ("seconds", "age", "left"),
    [(0.2, "<1 s", "1 s"), (1.0, "1 s", "1 s"), (59.9, "59 s", "60 s"), (150, "2 min", "150 s")],
)
def test_ages_and_countdowns_in_whole_units(seconds: float, age: str, left: str) -> None:
    assert (age_text(seconds), left_text(seconds)) == (age, left)


def test_a_curve_starts_at_zero_and_breaks_where_nothing_was_measured() -> None:
    assert column_bars([0, 50, None, 100], 100) == [["▁", "▄", " ", "█"]]
    assert column_bars([100, 50], 100, rows=2) == [["█", " "], ["█", "█"]]


def test_a_history_with_a_gap_and_a_late_curve_is_drawn() -> None:
    state = busy()
    values = {"node:n0": 1.0, "rps": 1.0}
    late = Point(1007.0, values | {"admitted:login": 3.0})
    state = replace(state, history=(Point(1000.0, values), Point(1006.0, values), late))
    state = replace(state, spans=(Span("kill", 1, 1006.0),))
    assert len(drawn(state, (120, 36))) == 36
