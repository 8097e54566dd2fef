"""Panels on the terminal: colours of the program, its newest lines, exactly as large as there is room."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from demo.panels.drawing import OutputPiece, PanelDrawing
from demo.panels.picture import PanelPicture, Panels
from demo.show import ShowState
from demo.terminal.screen_layout import TerminalState, draw_screen
from demo.types import Chapter
from tests.support.show_player import player

SIZES = [(1, 1), (20, 8), (80, 24), (107, 30), (120, 36), (200, 60)]


class OnePicture:
    """The panels of a show whose every panel shows the same."""

    version = 1

    def __init__(self, output: bytes, note: str = "") -> None:
        drawing = PanelDrawing(20, 80)
        drawing.take(OutputPiece(output))
        self._picture = PanelPicture("p", "the program", drawing.rows(), "down" if note else "up", note)

    def picture(self, name: str) -> PanelPicture | None:
        return self._picture

    def subscribe(self, listener: object) -> object:
        return lambda: None


def state_with(*panels: str, is_large: bool = False) -> ShowState:
    play = player(Chapter("One", "The text.", panels=panels, has_large_panels=is_large), Chapter("Two", "More."))
    return play.state


def drawn(state: ShowState, panels: Panels, size: tuple[int, int]) -> tuple[list[str], str]:
    """The rows as texts, and all that would be written to the terminal."""
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=size[0], _environ={})
    rows = draw_screen(console, state, TerminalState(1.0, panels=panels), size)
    return ["".join(segment.text for segment in row) for row in rows], "".join(
        segment.style.render(segment.text) if segment.style else segment.text for row in rows for segment in row
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("names", [("p",), ("a", "b", "c", "d", "e")])
def test_the_screen_is_exactly_as_large_as_the_terminal(size: tuple[int, int], names: tuple[str, ...]) -> None:
    rows, _ = drawn(state_with(*names), OnePicture("日本 x\n".encode() * 40), size)  # type: ignore[arg-type] # a protocol
    assert len(rows) == size[1]
    assert {cell_len(row) for row in rows} == {size[0]}


def test_output_stands_beside_the_text_in_its_colours_and_steers_nothing() -> None:
    output = b"\x1b[31mred\x1b[0m \x1b]52;c;aGk=\x07\x1b[2J\x1b[?1049h\x1b[1;1Hend\x1b[6n"
    rows, written = drawn(state_with("p"), OnePicture(output), (120, 36))  # type: ignore[arg-type] # a protocol
    assert any("the program" in row and "One" in "".join(rows) for row in rows)
    assert "end" in "".join(rows)
    for sequence in ("\x1b]", "\x1b[2J", "1049", "\x1b[6n", "\x1b[1;1H"):
        assert sequence not in written
    colours = OnePicture(b"\x1b[31mred\x1b[0m plain")
    _, written = drawn(state_with("p"), colours, (120, 36))  # type: ignore[arg-type] # a protocol
    assert "\x1b[31mred\x1b[0m" in written


def test_the_newest_lines_are_shown_and_why_a_program_has_failed() -> None:
    lines = b"".join(b"line %d\n" % number for number in range(20))
    rows, _ = drawn(state_with("p"), OnePicture(lines, "ended with exit code 3"), (120, 20))  # type: ignore[arg-type]
    assert any("ended with exit code 3" in row for row in rows)
    assert any("line 19" in row for row in rows)
