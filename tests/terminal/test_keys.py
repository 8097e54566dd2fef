"""What each key means, as a table; and which key a terminal's bytes are."""

import math
from dataclasses import replace

import pytest
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyPress

from demo.ballots.vote import Vote
from demo.show import ShowState
from demo.show import commands as c
from demo.show.plan_b_types import LiveStand, PlanB, RecordingAtHand
from demo.terminal.keyboard import Decoder
from demo.terminal.keymap import HELP, Keypad, Pressed, carries_chapter, press
from demo.terminal.plain_ui import keys_of
from tests.support.show_player import chapter, fault, player


def show(halted: bool = False) -> ShowState:
    """Standing on the second of twelve chapters, which has an action; two faults."""
    deck = [chapter(f"c{number}", action=number == 2) for number in range(1, 13)]
    played = player(*deck, faults=(fault("kill"), fault("pause", math.inf)))
    played.play(c.Advance())
    if halted:
        played.play(c.Halt())
    return played.state


def typed(*keys: str, state: ShowState | None = None, apart: float = 0.1) -> tuple[Keypad, list[Pressed]]:
    pad, done = Keypad(), []
    for index, key in enumerate(keys):
        pad, pressed = press(pad, key, state or show(), 100 + index * apart)
        done.append(pressed)
    return pad, done


NEXT = ["space", "enter", "right", "down", "pgdn", "n", "j", "l", "N", "J", "L"]
PREVIOUS = ["left", "up", "pgup", "p", "k", "h", "backspace", "shift-space", "P", "K", "H"]
HARMLESS = ["f5", "esc", "tab", "y", "1", "0", "", "ctrl-z", "/"]


@pytest.mark.parametrize(
    ("keys", "order"),
    [
        (("ч", "Ч"), c.Halt()),
        (("г",), c.Heal()),
        (("и",), c.Blackout()),
        (("с", "2", "enter"), c.Inject("pause")),
        (("П", "۱", "١", "enter"), c.Goto(11)),
        (("χ", "χ"), c.Halt()),
        (("θ",), c.Heal()),
        (("β",), c.Blackout()),
        (("ψ", "२", "enter"), c.Inject("pause")),
        (("ס", "ס"), c.Halt()),
        (("ו",), c.Heal()),
        (("і",), c.PauseTimer()),
        (("ｃ", "２", "enter"), c.Inject("pause")),
    ],
)
def test_keys_of_other_scripts_mean_what_lies_at_their_place(keys: tuple[str, ...], order: c.Command) -> None:
    assert typed(*keys)[1][-1].order == order


@pytest.mark.parametrize("key", ["é", "&", "(", "ě", "ß", "م", "い"])
@pytest.mark.parametrize("opens", ["c", "g"])
def test_what_is_no_digit_while_a_number_is_typed_is_refused_aloud_and_enter_never_advances(
    opens: str, key: str
) -> None:
    pad, done = typed(opens, key)
    assert pad.mode
    assert f"“{key}” is not a digit" in done[-1].notice
    assert typed(opens, key, "enter")[1][-1].order is None
    assert typed(opens, "2", key, "enter")[1][-1].order in (c.Inject("pause"), c.Goto(2))


@pytest.mark.parametrize("key", ["f5", "tab", "ctrl-z"])
def test_a_function_key_while_a_number_is_typed_changes_nothing(key: str) -> None:
    assert typed("c", key, "2", "enter")[1][-1].order == c.Inject("pause")


def test_a_letter_whose_place_nobody_can_tell_is_refused_aloud_and_takes_a_question_away() -> None:
    assert "“é” has no meaning here" in typed("é")[1][0].notice
    assert typed("x", "é", "x")[1][-1].order is None


def test_a_line_of_another_script_is_keys_too() -> None:
    assert keys_of("с ۱") == (["c", "1"], "")
    assert keys_of("чч") == (["x", "x"], "")
    assert keys_of("é") == ([], "é")


@pytest.mark.parametrize(
    ("key", "order"),
    [
        *((key, c.Advance()) for key in NEXT),
        *((key, c.Back()) for key in PREVIOUS),
        ("home", c.Goto(1)),
        ("end", c.Goto(12)),
        ("b", c.Blackout()),
        (".", c.Blackout()),
        ("z", c.Freeze()),
        ("s", c.PauseTimer()),
        ("u", c.Heal()),
        ("r", c.Rerun()),
        *((key, None) for key in HARMLESS),
    ],
)
def test_a_key_alone(key: str, order: c.Command | None) -> None:
    pad, (pressed,) = typed(key)
    assert pad == Keypad()
    assert pressed == Pressed(order)


@pytest.mark.parametrize(
    ("keys", "order"),
    [
        (("x", "x"), c.Halt()),
        (("X", "x"), c.Halt()),
        (("x", "a", "x"), None),
        (("w", "w"), c.ResetTimer()),
        (("w", "x"), None),
        (("w", "x", "w"), None),
        (("x", "w", "x"), None),
        (("c", "w", "w"), c.ResetTimer()),
        (("g", "3", "enter"), c.Goto(3)),
        (("o", "1", "2", "enter"), c.Goto(12)),
        (("g", "9", "9", "enter"), c.Goto(9)),
        (("g", "1", "1", "backspace", "enter"), c.Goto(1)),
        (("g", "12", "enter"), c.Goto(12)),
        (("g", "13", "enter"), None),
        (("g", "enter"), None),
        (("g", "3", "esc", "enter"), c.Advance()),
        (("g", "pgdn"), c.Advance()),
        (("g", "3", "space"), None),
        (("c", "1", "enter"), c.Inject("kill")),
        (("c", "2", "enter"), c.Inject("pause")),
        (("c", "1", "2", "enter"), c.Inject("pause")),
        (("c", "3", "enter"), None),
        (("c", "1", "c", "enter"), c.Advance()),
        (("c", "1", "space"), None),
        (("c", "u"), c.Heal()),
        (("c", "x", "x"), c.Halt()),
        (("?", "?", "space"), c.Advance()),
        (("?", "right"), c.Advance()),
    ],
)
def test_keys_in_a_row_end_in(keys: tuple[str, ...], order: c.Command | None) -> None:
    _, done = typed(*keys)
    assert done[-1].order == order
    assert all(pressed.order is None for pressed in done[:-1])


def test_a_second_x_that_comes_late_only_arms_again() -> None:
    _, done = typed("x", "x", apart=2.1)
    assert [pressed.order for pressed in done] == [None, None]
    assert done[-1].notice == "X again to halt"


def test_a_second_w_that_comes_late_only_asks_again() -> None:
    _, done = typed("w", "w", apart=2.1)
    assert [pressed.order for pressed in done] == [None, None]
    assert done[-1].notice == "W again to reset the timer"


def test_s_starts_a_timer_that_stands_and_pauses_one_that_runs() -> None:
    played = player()
    assert typed("s", state=played.state)[1][0].order == c.StartTimer()
    played.play(c.StartTimer())
    assert typed("s", state=played.state)[1][0].order == c.PauseTimer()
    played.play(c.Blackout(on=True))
    assert typed("s", state=played.state)[1][0].order == c.PauseTimer(), "it would go on with the light"
    played.play(c.PauseTimer())
    assert typed("s", state=played.state)[1][0].order == c.StartTimer()


def test_resume_is_its_own_key_and_halting_twice_is_no_resume() -> None:
    halted = show(halted=True)
    assert typed("e", state=halted)[1][0].order == c.Resume()
    assert typed("x", "x", state=halted)[1][-1].order == c.Halt()
    assert typed("e")[1][0] == Pressed(notice="the show is not halted")


def test_rerun_without_an_action_says_so() -> None:
    assert "no action" in typed("r", state=player().state)[1][0].notice


def test_only_moves_carry_the_chapter_they_were_pressed_on() -> None:
    moves: list[c.Command] = [c.Advance(), c.Back(), c.Goto(2), c.Rerun()]
    others: list[c.Command] = [c.Heal(), c.Halt(), c.Resume(), c.Inject("x"), c.Blackout(), c.Freeze(), c.ResetTimer()]
    assert [carries_chapter(order) for order in (*moves, *others)] == [True] * 4 + [False] * 7


def test_a_wrong_number_says_what_there_is() -> None:
    assert typed("c", "7")[1][-1].notice == "there is no fault 7: 1 to 2"


def test_every_key_of_the_help_does_something() -> None:
    words = " ".join(keys for keys, _ in HELP).replace("→", "right").replace("←", "left").replace("↓", "down")
    skipped = {"or", "/", "number,", "digit,", "ctrl-l", "ctrl-c", "↑"}
    for word in words.replace("Enter,", "Enter").lower().split():
        key = word.rstrip(",")
        if word not in skipped:
            pad, (pressed,) = typed(key, state=show(halted=True))
            assert pressed != Pressed() or pad != Keypad(), key


def names(*chunks: str, flush: bool = True) -> list[str]:
    """What the decoder makes of a terminal's bytes, read in these pieces."""
    found: list[str] = []
    presses: list[KeyPress] = []
    parser, decoder = Vt100Parser(presses.append), Decoder()
    for chunk in chunks:
        parser.feed(chunk)
        found += decoder.feed(presses)
        presses.clear()
    if flush:
        parser.flush()
        found += [*decoder.feed(presses), *decoder.flush()]
    return found


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (" ", ["space"]),
        ("\r", ["enter"]),
        ("\n", ["enter"]),
        ("\x7f", ["backspace"]),
        ("\x08", ["backspace"]),
        ("\x03", ["ctrl-c"]),
        ("\x1b[A\x1b[B\x1b[C\x1b[D", ["up", "down", "right", "left"]),
        ("\x1bOA\x1bOB\x1bOC\x1bOD", ["up", "down", "right", "left"]),
        ("\x1b[5~\x1b[6~", ["pgup", "pgdn"]),
        ("\x1b[H\x1b[F\x1b[1~\x1b[4~\x1b[7~\x1b[8~", ["home", "end", "home", "end", "home", "end"]),
        ("\x1b", ["esc"]),
        ("\x1b[15~", []),  # F5, as a clicker sends it
        ("\x1b[32;2u", ["shift-space"]),
        ("\x1b[27;2;32~", ["shift-space"]),
        ("\x1b[99;5u", ["ctrl-c"]),
        ("\x1b[120;9u", []),
        ("\x1b[?1007;1$y", ["wheel"]),
        ("\x1b[?1007;2$y\x1b[?1007;0$y", []),
        ("\x1b[I\x1b[O", []),  # focus reports: their letters are no keys
        ("\x1bx\x1bu", []),  # Alt
        ("Xq.?", ["x", "q", ".", "?"]),
        ("\x00\x01\x1a", []),
        ("\x1b[200~xx u\x1b[201~", []),  # pasted text is no keys
    ],
)
def test_which_key_a_terminals_bytes_are(data: str, keys: list[str]) -> None:
    assert names(data) == keys


def test_a_sequence_that_comes_in_pieces_is_still_one_key() -> None:
    assert names("\x1b[", "6", "~") == ["pgdn"]
    assert names("\x1b[32", ";2", "u") == ["shift-space"]


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        ("", ["enter"]),
        (" ", ["enter"]),
        ("space", ["space"]),
        ("Q", ["q"]),
        ("next", ["right"]),
        ("back", ["left"]),
        ("x x", ["x", "x"]),
        ("halt", ["x", "x"]),
        ("freeze", ["z"]),
        ("timer", ["s"]),
        ("reset", ["w", "w"]),
        ("c 1", ["c", "1"]),
        ("g 12", ["g", "12"]),
        ("pgdn", ["pgdn"]),
        (".", ["."]),
    ],
)
def test_which_keys_a_line_is(line: str, keys: list[str]) -> None:
    assert keys_of(line) == (keys, "")


def test_a_line_with_a_word_that_is_no_key_is_no_key_at_all() -> None:
    assert keys_of("q now") == ([], "now")
    assert keys_of("g 1234567890") == ([], "1234567890")


def test_v_closes_an_open_vote_and_begins_none_again_that_has_votes() -> None:
    played = player(replace(chapter("one"), vote=Vote()), chapter("two"))
    assert typed("v", state=played.state)[1] == [Pressed(c.CloseVote())]
    played.play(c.CloseVote())
    assert typed("v", state=played.state)[1] == [Pressed(c.OpenVote())]
    played.play(c.CountVotes(played.state.ballots[0].id, (1, 0), is_final=True))
    assert "without its votes" in typed("v", state=played.state)[1][0].notice


def test_a_recording_is_shown_by_a_second_m_and_left_by_one() -> None:
    state = show()
    assert typed("m", state=state)[1] == [Pressed(notice="no recording is at hand: start with --plan-b JOURNAL")]
    at_hand = replace(state, plan_b=RecordingAtHand(1e9))
    asked, done = typed("m", "m", state=at_hand)[1]
    assert (asked.order, asked.notice) == (None, "M again: all screens show the recording")
    assert done.order == PlanB(on=True)
    assert typed("m", "m", state=at_hand, apart=3.0)[1][-1].order is None
    shown = replace(state, plan_b=RecordingAtHand(1e9, live=LiveStand(is_live=True, up=1, total=1)))
    assert typed("m", state=shown)[1] == [Pressed(PlanB(on=False))]
