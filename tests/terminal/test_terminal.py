"""The show on a real pseudo-terminal: what is on it, what its keys do, and that it is restored whatever happens."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.terminals import Terminal, terminal, write_show

LEFT_ALONE = b"\x1b[?1049l"
CURSOR_SHOWN = b"\x1b[?25h"
PASTES_MARKED, PASTES_PLAINLY = b"\x1b[?2004h", b"\x1b[?2004l"


def log(folder: Path) -> list[str]:
    return (folder / "log.txt").read_text().splitlines()


def test_it_shows_title_progress_story_and_keys_and_moves_by_them(tmp_path: Path) -> None:
    with terminal(write_show(tmp_path)) as term:
        term.wait_for("Two lamps", "[1/3]", "First", "The first story.", "SPACE/ENTER: next | Q: quit")
        term.press(" ")
        term.wait_for("[2/3]", "the action ran")
        term.press("\x1b[6~")
        term.wait_for("[3/3]", "The last story.")
        term.press("n")
        term.wait_for("This is the last chapter")
        term.press("\x1b[D")
        term.wait_for("[2/3]")
        term.press("\x1b[H")
        term.wait_for("[1/3]")
        term.press("g3")
        term.wait_for("go to 3")
        term.press("\r")
        term.wait_for("[3/3]")
        term.press("q")
        assert term.end() == 0
    assert log(tmp_path) == ["worked", "returned"]


def test_keys_of_other_scripts_steer_and_what_is_no_digit_is_refused_aloud(tmp_path: Path) -> None:
    with terminal(write_show(tmp_path)) as term:
        term.wait_for("[1/3]", "The first story.")
        term.press("т")  # n of a Russian keyboard
        term.wait_for("[2/3]", "the action ran")
        term.press("п۳\r")  # g, and a Persian 3
        term.wait_for("[3/3]")
        term.press("cé")
        term.wait_for("“é” is not a digit")
        term.press("١\r")  # an Arabic 1
        term.wait_for(" running: ")
        term.press("χχ")  # X X of a Greek keyboard
        term.wait_for("E resumes")
        term.press("q")
        assert term.end() == 0
    assert log(tmp_path) == ["worked", "lamp out", "lamp on", "returned"]


def test_a_refusal_is_shown_and_vanishes(tmp_path: Path) -> None:
    body = "def deck(stage): return [Chapter('A', 'a', on_enter=GATE.wait, blocks_advance=True), Chapter('B', 'b')]"
    with terminal(write_show(tmp_path, body)) as term:
        term.wait_for("running – Next waits for it")
        term.press(" ")
        term.wait_for("Chapter 1 is still running")
        term.wait_for("[1/2]", without="still running;")


def test_on_enter_and_auto_advance_need_no_key(tmp_path: Path) -> None:
    body = """
def deck(stage):
    async def work(): note("worked")
    return [Chapter("A", "a", on_enter=work, auto_advance=True), Chapter("B", "b")]
"""
    with terminal(write_show(tmp_path, body)) as term:
        term.wait_for("[2/2]")
    assert log(tmp_path) == ["worked"]


def test_faults_are_listed_fired_and_healed_by_keys(tmp_path: Path) -> None:
    with terminal(write_show(tmp_path)) as term:
        term.wait_for("[1/3]")
        term.press("c")
        term.wait_for("Faults", "Put the lamp out", "until healed")
        term.press("1")
        term.wait_for("Enter fires it")
        term.press("\r")
        term.wait_for("lamp killed  no effect seen yet", "until ended", without="Faults")
        term.press("u")
        term.wait_for("lamp starting  no effect seen yet", "recovering", without="until ended")
        term.press("x")
        term.wait_for("X again to halt")
        term.press("x")
        term.wait_for("Halted")
        term.press("e")
        term.wait_for("resumed after the halt", without="Halted")
    assert log(tmp_path) == ["lamp out", "lamp on"]


def test_blackout_leaves_nothing_of_the_story(tmp_path: Path) -> None:
    with terminal(write_show(tmp_path)) as term:
        term.wait_for("The first story.")
        term.press("b")
        term.wait_for("curtain closed", without="story")
        term.press(".")
        term.wait_for("The first story.")


def test_the_room_is_frozen_and_the_timer_reset_by_keys(tmp_path: Path) -> None:
    body = """
def deck(stage): return [Chapter("First", "The first story.", budget_sec=60), Chapter("Second", "The second story.")]
"""
    with terminal(write_show(tmp_path, body)) as term:
        term.wait_for("0:00 / 1:00", "starts with the next step")
        term.press("z ")
        term.wait_for("[2/2]", "Held: the audience sees chapter 1", "G 1 Enter goes back", "1:00 ahead")
        term.press("g1\r")
        term.wait_for("[1/2]", "Held: the audience sees chapter 1", without="goes back")
        term.press("z")
        term.wait_for("the picture is released", without="Held: the audience")
        term.press("s")
        term.wait_for("timer paused")
        term.press("w")
        term.wait_for("W again to reset the timer")
        term.press("w")
        term.wait_for("starts with the next step", "timer reset")


def test_help_names_every_key_and_escape_closes_it(tmp_path: Path) -> None:
    with terminal(write_show(tmp_path)) as term:
        term.wait_for("[1/3]")
        term.press("?")
        term.wait_for("Keys", "halt: end all faults", "list the chapters", "hold the picture", "reset the timer")
        term.press("\x1b")
        term.wait_for("The first story.")


def _quit(term: Terminal) -> None:
    term.press("q")


def _ctrl_c(term: Terminal) -> None:
    term.press("\x03")


def _terminate(term: Terminal) -> None:
    term.process.send_signal(signal.SIGTERM)


def _interrupt(term: Terminal) -> None:
    term.process.send_signal(signal.SIGINT)


@pytest.mark.parametrize("leave", [_quit, _ctrl_c, _terminate, _interrupt])
@pytest.mark.parametrize("loop", ["None", "__import__('uvloop').new_event_loop"])
def test_the_terminal_is_restored_and_the_fault_healed(
    tmp_path: Path, leave: Callable[[Terminal], None], loop: str
) -> None:
    with terminal(write_show(tmp_path, f"LOOP = {loop}")) as term:
        term.wait_for("[1/3]")
        assert term.settings() != term.before
        term.press("c1\r")
        term.wait_for("no effect seen yet")
        leave(term)
        assert term.end() == 0
        assert term.settings() == term.before
        assert LEFT_ALONE in term.sent
        assert CURSOR_SHOWN in term.sent
        assert term.sent.rindex(PASTES_PLAINLY) > term.sent.rindex(PASTES_MARKED)
        term.wait_for("Show ended on [1/3]. Everything it broke is healed.")
    assert log(tmp_path) == ["lamp out", "lamp on", "returned"]


def test_impatience_does_not_break_the_healing(tmp_path: Path) -> None:
    with terminal(write_show(tmp_path, "HEAL_SEC = 1.0")) as term:
        term.wait_for("[1/3]")
        term.press("c1\r")
        term.wait_for("no effect seen yet")
        term.press("\x03")
        term.wait_for("healing, please wait")
        term.press("\x03q")
        term.process.send_signal(signal.SIGINT)
        term.process.send_signal(signal.SIGTERM)
        assert term.end() == 0
        assert term.settings() == term.before
    assert log(tmp_path) == ["lamp out", "lamp on", "returned"]


CANCELLED = """
async def main():
    task = asyncio.create_task(DemoRunner("lamps", deck, None, faults=FAULTS).run())
    asyncio.get_running_loop().call_later(0.5, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        note("cancelled")
"""
UNPAINTABLE = """
from rich.console import Console
class Broken(Console):
    def render_lines(self, *a, **k): raise RuntimeError("no paint")
    def capture(self): raise RuntimeError("no paint")
OPTIONS = {"console": Broken()}
"""
BAD_DECK = """
from demo.errors import JournalError
class Torn:
    path, epoch, is_temporary = "x", "e", False
    async def pending(self): return []
    async def unreadable(self): return []
    async def newest(self): return {}
    async def restore(self, *parts): raise JournalError("torn")
    async def close(self): pass
OPTIONS = {"journal": Torn()}
"""


@pytest.mark.parametrize(("body", "code", "said"), [(UNPAINTABLE, 1, "no paint"), (BAD_DECK, 1, "torn")])
def test_the_terminal_is_restored_after_an_exception_which_is_then_seen(
    tmp_path: Path, body: str, code: int, said: str
) -> None:
    with terminal(write_show(tmp_path, body)) as term:
        assert term.end() == code
        assert term.settings() == term.before
        assert LEFT_ALONE in term.sent
        term.wait_for(said)


def test_the_terminal_is_restored_when_the_task_is_cancelled(tmp_path: Path) -> None:
    script = write_show(tmp_path)
    script.write_text(
        script.read_text().replace('if __name__ == "__main__":', f'{CANCELLED}\nif __name__ == "__main__":')
    )
    with terminal(script) as term:
        assert term.end() == 0
        assert term.settings() == term.before
    assert log(tmp_path) == ["cancelled"]


def test_a_closed_window_ends_the_show_and_heals(tmp_path: Path) -> None:
    with terminal(write_show(tmp_path)) as term:
        term.wait_for("[1/3]")
        term.press("c1\r")
        term.wait_for("no effect seen yet")
        term.hang_up()
        assert term.process.wait(timeout=20) == 0
    assert log(tmp_path) == ["lamp out", "lamp on", "returned"]


def test_a_terminal_that_does_not_read_holds_nothing_up(tmp_path: Path) -> None:
    body = """
def deck(stage):
    async def flood():
        for number in range(200):
            await stage.say(f"{number} " + "x" * 250)
            await asyncio.sleep(0.005)
        note("flooded")
    return [Chapter("A", "a", on_enter=flood), Chapter("B", "b")]
"""
    with terminal(write_show(tmp_path, body), size=(200, 60)) as term:
        deadline = time.monotonic() + 20
        while "flooded" not in ((tmp_path / "log.txt").read_text() if (tmp_path / "log.txt").exists() else ""):
            assert time.monotonic() < deadline, "painting held the show up"
            time.sleep(0.02)
        term.wait_for("199 xxx")
        term.press("q")
        assert term.end() == 0
        assert term.settings() == term.before


def test_it_follows_the_size_of_its_terminal(tmp_path: Path) -> None:
    with terminal(write_show(tmp_path), size=(80, 24)) as term:
        term.wait_for("[1/3]", "SPACE/ENTER")
        for columns, rows in ((200, 60), (50, 12), (30, 6), (120, 36)):
            term.resize(columns, rows)
            term.screen.reset()
            term.wait(lambda: "[1/3]" in term.screen.display[0] and "? keys" in term.screen.display[-1])


@pytest.mark.parametrize("sends_arrows", [True, False])
def test_the_mouse_wheel_sends_no_arrow_keys_meanwhile_where_the_terminal_can(
    tmp_path: Path, sends_arrows: bool
) -> None:
    ask, off, on = b"\x1b[?1007$p", b"\x1b[?1007l", b"\x1b[?1007h"
    with terminal(write_show(tmp_path)) as term:
        term.wait(lambda: ask in term.sent)
        term.press(f"\x1b[?1007;{1 if sends_arrows else 2}$y")
        term.wait_for("[1/3]")
        term.press("n")
        term.wait_for("[2/3]")
        assert (off in term.sent, on in term.sent) == (sends_arrows, False)
        term.press("q")
        assert term.end() == 0
        assert (on in term.sent) is sends_arrows
        assert term.sent.rindex(LEFT_ALONE) > term.sent.rfind(on)


def test_hostile_text_never_steers_the_terminal(tmp_path: Path) -> None:
    body = r"""
EVIL = "a\x1b]0;owned\x07b\x1b[2Jc\x9b5nd\u202ee\x1b[?1049lf\rg\x00h"
def deck(stage):
    return [Chapter(EVIL, "story " + EVIL, key_hint="[bold]" + EVIL + "[/wrong]", hypothesis=EVIL, notes=EVIL)]
FAULTS = [Lamp()]
FAULTS[0].target = EVIL
OPTIONS = {"description": EVIL, "notes": True}
"""
    with terminal(write_show(tmp_path, body), size=(140, 40)) as term:
        term.wait_for("story", "[1/1]")
        term.press("c1\r")
        term.wait_for("no effect seen yet")
        for raw in (b"\x1b]", b"\x07", b"\x1b[2Jc", b"\xc2\x9b", b"\x1b[?1049l", b"\xe2\x80\xae", b"\x00"):
            assert raw not in term.sent


def test_no_color_is_respected_and_states_stay_words(tmp_path: Path) -> None:
    with terminal(write_show(tmp_path), NO_COLOR="1") as term:
        term.wait_for("[1/3]")
        term.press(" ")
        term.wait_for("[2/3]")
        assert b"38;" not in term.sent
        assert b"48;" not in term.sent


def test_what_the_program_prints_stays_off_the_picture_and_is_not_lost(tmp_path: Path) -> None:
    body = """
def deck(stage):
    async def work(): print("hello from the deck")
    return [Chapter("A", "a", on_enter=work)]
"""
    with terminal(write_show(tmp_path, body)) as term:
        term.wait_for("printed     hello from the deck")
        term.press("q")
        assert term.end() == 0
        assert term.sent.rindex(b"hello from the deck") > term.sent.index(LEFT_ALONE)


def test_narrations_are_handed_on_and_a_broken_listener_does_no_harm(tmp_path: Path) -> None:
    body = """
async def listen(narration):
    note(narration)
    if "last" in narration:
        raise RuntimeError("deaf")
OPTIONS = {"on_narration_update": listen}
def deck(stage): return [Chapter("A", "first"), Chapter("B", "last")]
"""
    with terminal(write_show(tmp_path, body)) as term:
        term.wait_for("[1/2]")
        term.press(" ")
        term.wait_for("on_narration_update: show.py:38 in listen: RuntimeError: deaf")
        term.press("k")
        term.wait_for("[1/2]")
        term.press("q")
        assert term.end() == 0
    assert log(tmp_path) == ["first", "last", "first", "returned"]
