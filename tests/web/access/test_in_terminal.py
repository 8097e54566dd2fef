"""The key I: what pairs a phone, as a terminal shows it and a camera reads it."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from demo.invitation import Invitation
from demo.terminal.keymap import Keypad
from demo.terminal.screen_layout import TerminalState, draw_screen
from tests.support.paired_devices import Device
from tests.support.qr_reader import Matrix, read
from tests.support.servers import script
from tests.support.show_player import player
from tests.support.terminals import Terminal, terminal
from tests.terminal.test_picture import console

INVITED = Invitation("http://192.168.1.5:8000/pair#abcdefghijklmnopqrstuv", "http://192.168.1.5:8000/pair", "ABCD-EFGH")

SERVED = """
from demo.cli.main import app
app(["serve", "none", "--terminal", "--no-open", "--port", "0", "--public-name", "localhost"])
"""


def symbol_in(rows: Sequence[str]) -> Matrix:
    """The modules that half blocks show: all that is dark, as far as it reaches."""
    modules = [[char in dark for char in row] for row in rows for dark in ("▀█", "▄█")]
    inside = [row for row in modules if any(row)]
    left = min(row.index(True) for row in inside)
    right = max(len(row) - row[::-1].index(True) for row in inside)
    return [row[left:right] for row in inside]


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 40), (200, 60)])
def test_the_symbol_fits_a_usual_terminal(size: tuple[int, int]) -> None:
    desk = TerminalState(1000.0, Keypad("invite"), invitation=INVITED)
    rows = ["".join(part.text for part in row) for row in draw_screen(console(), player().state, desk, size)]
    assert any("ABCD-EFGH" in row for row in rows)
    found = symbol_in(rows)
    assert len(found) == len(found[0])
    assert read(found) == INVITED.link


@pytest.mark.parametrize("size", [(80, 12), (30, 24), (20, 8)])
def test_where_it_does_not_fit_no_part_of_it_is_shown(size: tuple[int, int]) -> None:
    desk = TerminalState(1000.0, Keypad("invite"), invitation=INVITED)
    rows = ["".join(part.text for part in row) for row in draw_screen(console(), player().state, desk, size)]
    assert not any("▀▄" in row for row in rows)


def test_a_show_for_this_machine_alone_says_how_to_let_phones_in() -> None:
    rows = draw_screen(console(), player().state, TerminalState(1000.0, Keypad("invite")), (120, 30))
    assert any("--host 0.0.0.0" in "".join(part.text for part in row) for row in rows)


def link_on(term: Terminal) -> str:
    """What a camera reads; nothing while it is being painted."""
    try:
        return read(symbol_in(term.screen.display))
    except (ValueError, KeyError, IndexError, AssertionError):
        return ""


def test_a_phone_pairs_from_the_terminal_which_then_shows_the_next_code(tmp_path: Path) -> None:
    with terminal(script_file(tmp_path), (120, 40), XDG_STATE_HOME=str(tmp_path)) as term:
        term.wait_for("I shows how to pair")
        term.press("i")
        term.wait_for("Pair a phone", "or type")
        term.wait(lambda: link_on(term).startswith("http://localhost:"))
        code, link = typed_on(term), link_on(term)
        phone = Device(re.sub("/pair#.*", "", link))
        phone.pair(link.partition("#")[2])
        term.wait(lambda: bool(typed_on(term)) and typed_on(term) != code)
        term.wait(lambda: link_on(term) not in ("", link))
        assert phone.post("/advance", headers={"X-Demo-Client": "remote"}).status_code == 200
        term.press("i")
        term.wait_for("[2/", "was paired", without="Pair a phone")
        phone.close()
        term.press("q")
        assert term.end() == 0


def typed_on(term: Terminal) -> str:
    found = re.search(r"  ([A-Z2-9]{4}-[A-Z2-9]{4}) ", term.text)
    return found.group(1) if found else ""


def script_file(folder: Path) -> Path:
    return Path(script(folder / "served.py", SERVED)[1])
