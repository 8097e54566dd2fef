"""From pieces of output to a picture: gaps, runs, matching lines, secrets at the border between two pieces."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.panels.drawing import OutputPiece, PanelDrawing
from demo.panels.masking import MASK, StreamMask

SECRET = "correct-horse"


def text_of(drawing: PanelDrawing) -> str:
    return "\n".join("".join(span.text for span in row) for row in drawing.rows())


def drawn(*pieces: OutputPiece | bytes, rows: int = 5, **more: object) -> str:
    drawing = PanelDrawing(rows, 60, **more)  # type: ignore[arg-type] # its options
    for piece in pieces:
        drawing.take(piece if isinstance(piece, OutputPiece) else OutputPiece(piece))
    return text_of(drawing)


def test_after_a_gap_it_begins_with_the_first_whole_line() -> None:
    assert drawn(b"before\n", OutputPiece(b"3;1mhalf a line\nwhole\n", has_gap=True, skipped=7)) == "whole"
    assert drawn(b"\x1b[31", OutputPiece(b"x" * 100 + b"tail", has_gap=True)).endswith("x" * 56)


def test_a_character_that_is_cut_between_two_pieces_is_whole() -> None:
    assert drawn("日本".encode()[:4], "日本".encode()[4:]) == "日本"
    assert drawn(b"\xff\xfeok") == "��ok"


def test_of_a_flood_only_the_last_lines_are_drawn() -> None:
    flood = b"".join(b"line %d\n" % number for number in range(1000))
    assert drawn(flood, rows=3) == "line 997\nline 998\nline 999"
    assert drawn(b"\x1b[3", flood, rows=3).splitlines()[-1] == "line 999"


def test_a_flood_that_moves_the_cursor_is_drawn_whole() -> None:
    assert drawn(b"top\n" * 30 + b"\x1b[H\x1b[2Jclean\n", rows=3) == "clean"


def test_only_lines_that_match_are_shown_with_their_colours_and_once_they_are_whole() -> None:
    pieces = (b"GET /a 200\n\x1b[31mGET /b 5", b"00\x1b[0m\nGET /c 200\nGET /d 500")
    assert drawn(*pieces, matches=lambda line: line.endswith("500")) == "GET /b 500"
    assert drawn(*pieces, b"\n", matches=lambda line: line.endswith("500")) == "GET /b 500\nGET /d 500"


def test_a_line_of_ten_megabytes_takes_no_memory() -> None:
    drawing = PanelDrawing(5, 60, matches=lambda line: True)
    tracemalloc.start()
    for _ in range(160):
        drawing.take(OutputPiece(b"x" * 65_536))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000
    drawing.take(OutputPiece(b"\nshort\n"))
    assert text_of(drawing).endswith("short")


@pytest.mark.parametrize("cut", range(len(SECRET) + 1))
def test_a_secret_is_masked_wherever_it_is_cut(cut: int) -> None:
    pieces = (f"token {SECRET[:cut]}".encode(), f"{SECRET[cut:]} end\n".encode())
    drawing = PanelDrawing(5, 60, secrets=lambda: [SECRET])
    for piece in pieces:
        drawing.take(OutputPiece(piece))
        assert SECRET[:3] not in text_of(drawing)
    assert text_of(drawing) == f"token {MASK} end"


def test_a_secret_that_begins_in_a_gap_is_not_shown_by_half() -> None:
    piece = OutputPiece(SECRET[5:].encode() + b" and more", has_gap=True)
    assert SECRET[5:] not in drawn(piece, secrets=lambda: [SECRET])


def test_a_secret_that_is_cut_at_the_edge_of_the_panel_is_masked() -> None:
    assert SECRET[:3] not in drawn(b"x" * 55 + SECRET.encode() + b"\n", secrets=lambda: [SECRET])


@settings(max_examples=100, deadline=None)
@given(
    secrets=st.lists(st.text("ab", min_size=3, max_size=6), min_size=1, max_size=3),
    pieces=st.lists(st.text("abc ", max_size=8), max_size=8),
)
def test_no_secret_leaves_the_mask(secrets: list[str], pieces: list[str]) -> None:
    mask = StreamMask(lambda: secrets)
    shown = ""
    for piece in pieces:
        shown += mask.feed(piece)
        assert not any(secret in shown for secret in secrets)
    if not any(secret in "".join(pieces) for secret in secrets):
        assert "".join(pieces).startswith(shown)
