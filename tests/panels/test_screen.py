"""What a screen shows of a program's output: text and colours as a terminal would, and nothing that steers one."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.panels.control_sequences import MAX_STRING, SequenceParser, TerminalToken
from demo.panels.picture import StyledText
from demo.panels.screen import HIDDEN, PanelScreen

ROWS, COLUMNS = 5, 20


def shown(*pieces: str, rows: int = ROWS, columns: int = COLUMNS, is_terminal: bool = False) -> list[str]:
    """The lines of a screen on which these pieces were drawn."""
    screen = PanelScreen(rows, columns, is_terminal=is_terminal)
    for piece in pieces:
        screen.draw(piece)
    return ["".join(span.text for span in row) for row in screen.rows()]


def test_lines_scroll_and_the_end_of_the_last_one_costs_no_row() -> None:
    assert shown("a\nb\nc\n", rows=3) == ["a", "b", "c"]
    assert shown("a\nb\nc\nd\n", rows=3) == ["b", "c", "d"]
    assert shown("only\n", rows=1) == ["only"]


def test_a_progress_bar_is_drawn_in_its_place() -> None:
    assert shown("10%\r50%\r", "100%\n", "done\n") == ["100%", "done"]
    assert shown("working..\b\b\b\x1b[K!\n") == ["workin!"]


def test_a_line_that_is_too_long_is_cut_and_not_wrapped() -> None:
    assert shown("x" * 50 + "\nnext\n") == ["x" * COLUMNS, "next"]
    assert shown("1" * 50 + "\r" + "2" * 3 + "\n") == ["222" + "1" * 17]


def test_a_program_moves_the_cursor_erases_and_scrolls_a_part() -> None:
    assert shown("old\nold\x1b[H\x1b[2Jnew\x1b[3;5Hthere\x1b[1A\x1b[1Gup") == ["new", "up", "    there"]
    assert shown("\x1b[2;3r\x1b[2;1Ha\nb\nc", is_terminal=True)[1:] == [" b", "  c"]
    assert shown("one\x1b7\x1b[5;1Hfar\x1b8two") == ["onetwo", "", "", "", "far"]


def test_through_a_terminal_a_line_feed_alone_stays_in_its_column() -> None:
    assert shown("ab\r\nc\nd", is_terminal=True) == ["ab", "c", " d"]
    assert shown("ab\nc") == ["ab", "c"]


def test_colours_and_looks_are_kept_as_words() -> None:
    screen = PanelScreen(1, 80)
    screen.draw("\x1b[31mred\x1b[0m \x1b[1;33mwarn\x1b[0m \x1b[42mok\x1b[0m \x1b[7mturned\x1b[27m \x1b[3;4;9ma\x1b[m")
    assert [span for span in screen.rows()[0] if span.text.strip()] == [
        StyledText("red", ("red",)),
        StyledText("warn", ("yellow", "bold")),
        StyledText("ok", ("green", "fill")),
        StyledText("turned", ("fill",)),
        StyledText("a", ("italic", "underline", "strike")),
    ]


@pytest.mark.parametrize(
    ("sequence", "word"),
    [
        ("38;5;196", "red"),
        ("38;5;33", "blue"),
        ("38;2;255;135;0", "yellow"),
        ("38;2;0;200;90", "green"),
        ("95", "magenta"),
        ("96", "cyan"),
        ("90", "grey"),
        ("38;5;240", "grey"),
        ("97", None),
        ("38;5;255", None),
        ("38;5;999", None),
        ("38;2;1", None),
        ("38", None),
    ],
)
def test_any_colour_becomes_one_of_those_that_are_legible(sequence: str, word: str | None) -> None:
    screen = PanelScreen(1, 10)
    screen.draw(f"\x1b[{sequence}mx")
    assert screen.rows()[0] == (StyledText("x", (word,) if word else ()),)  # type: ignore[arg-type] # a word of the table


@pytest.mark.parametrize(
    "steering",
    [
        "\x1b]0;a title\x07",
        "\x1b]2;a title\x1b\\",
        "\x1b]52;c;aGVsbG8=\x07",
        "\x1b]8;;https://evil.example/\x1b\\",
        "\x1bPq#0;2;0;0;0#0~~@@vv\x1b\\",
        "\x1b_Gf=100;AAAA\x1b\\",
        "\x1b^private\x1b\\",
        "\x1bXstart of string\x1b\\",
        "\x1bka tmux title\x1b\\",
        "\x1b[c",
        "\x1b[6n",
        "\x1b[>c",
        "\x1b[?1049h",
        "\x1b[?3h",
        "\x1b[20h",
        "\x1b[5i",
        "\x1b[18t",
        "\x1b[!p",
        "\x1b#8",
        "\x1b(0",
        "\x05",
        "\x07",
        "\x0e",
        "\x9b6n",
        "\x9d0;title\x9c",
        "\x1b]R",
        "\x1b]P1ff0000",
        "\u202e",
        "\u2066",
        "\u200b",
        "\u200d",
        "\ufeff",
        "\U000e0041",
    ],
)
def test_what_steers_a_terminal_or_asks_it_leaves_no_trace(steering: str) -> None:
    (line,) = shown(f"a{steering}b")
    assert line in ("ab", "a6nb", "a0;titleb")  # of a C1 character alone the rest is harmless text
    for cut in range(1, len(steering)):
        assert shown(f"a{steering[:cut]}", f"{steering[cut:]}b") == [line], "the same, cut between two pieces"


def test_a_string_that_never_ends_does_not_swallow_the_show() -> None:
    assert shown("a\x1b]", "t" * MAX_STRING, "b") == ["ab"]
    assert shown("a\x1b]", "t" * (MAX_STRING + 1), "b") == ["atb"]
    assert shown("a\x1b[" + "1" * 1000, "mb")[0].startswith("a111")


def test_wide_and_combining_characters_take_their_cells() -> None:
    assert shown("日本語!\n") == ["日本語!"]
    assert shown("日本\x1b[1;2Hx") == [" x本"]
    assert shown("日本\x1b[1;1Hx") == ["x 本"]
    assert shown("日本\x1b[1;2H語") == [" 語 "[:-1]]
    assert shown("e\u0301a") == ["éa"]
    assert len(shown("a" + "\u0301" * 10_000 + "b")[0]) < 10
    assert shown("x" * (COLUMNS - 1) + "日") == ["x" * (COLUMNS - 1)]


def test_a_secret_that_its_colours_cut_in_two_is_hidden() -> None:
    screen = PanelScreen(2, 20, find_secrets=lambda text: [(at, at + 6)] if (at := text.find("s3cret")) >= 0 else [])
    screen.draw("key \x1b[31ms3c\x1b[32mret\x1b[0m!")
    assert "".join(span.text for span in screen.rows()[0]) == f"key {HIDDEN * 6}!"


def test_a_new_run_begins_below_what_is_shown_in_plain_letters() -> None:
    screen = PanelScreen(3, 20)
    screen.draw("\x1b[31mlast words\x1b[2;2r\x1b[1;1H\x1b]0;half a ti")
    screen.begin_run()
    screen.draw("again")
    assert screen.rows() == ((StyledText("last words", ("red",)),), (StyledText("again"),))


RAW = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from([b"\x1b[", b"\x1b]", b"\x1bP", b"\x1b", b"\n", b"\r", b"\xe2\x80\xae", b"\xcc\x81", b"\x9b"]),
        st.from_regex(rb"\x1b\[[0-9;:]{0,12}[@-~]", fullmatch=True),
    ),
    max_size=30,
)


@settings(max_examples=100, deadline=None)
@given(pieces=RAW, rows=st.integers(1, 8), columns=st.integers(1, 30), is_terminal=st.booleans())
def test_whatever_bytes_come_the_picture_is_bounded_and_printable(
    pieces: list[bytes], rows: int, columns: int, is_terminal: bool
) -> None:
    screen = PanelScreen(rows, columns, is_terminal=is_terminal)
    for piece in pieces:
        screen.draw(piece.decode(errors="replace"))
        picture = screen.rows()
        assert len(picture) <= rows
        for row in picture:
            text = "".join(span.text for span in row)
            assert len(text) <= columns * 6
            assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


@settings(max_examples=60, deadline=None)
@given(text=st.text(alphabet="ab\x1b[]0;9mHJK\r\n\x07\\P\u202e", max_size=60), data=st.data())
def test_where_output_is_cut_into_pieces_changes_nothing(text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(text)))
    whole, cut_in_two = SequenceParser(), SequenceParser()
    joined = [*cut_in_two.parse(text[:cut]), *cut_in_two.parse(text[cut:])]
    assert _joined_text(joined) == _joined_text(list(whole.parse(text)))


def _joined_text(tokens: list[TerminalToken]) -> list[TerminalToken]:
    """The tokens with neighbouring texts made one."""
    found: list[TerminalToken] = []
    for token in tokens:
        if token.kind == "text" and found and found[-1].kind == "text":
            found[-1] = TerminalToken("text", found[-1].text + token.text)
        else:
            found.append(token)
    return found
