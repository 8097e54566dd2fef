"""The show in a pipe: lines out, lines in as keys, and nothing that steers a terminal."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from demo.terminal.plain_ui import NUMBER_ALONE
from demo.terminal.transcript import Transcript
from tests.support.demo_command import run_script
from tests.support.servers import wait_for
from tests.support.show_player import chapter, player
from tests.support.terminals import Terminal, terminal, write_show

UVLOOP = "LOOP = __import__('uvloop').new_event_loop"


def played(script: Path, text: str) -> subprocess.CompletedProcess[str]:
    return run_script(script, text, {**os.environ, "FORCE_COLOR": "1", "TERM": "xterm-256color"})


GOLDEN = """\
Two lamps

[1/3] First
  The first story.
! This is the first chapter

[2/3] Second
  The second story.
» the action ran

[1/3] First (back)
  The first story.

[3/3] Third
  The last story.
! This is the last chapter
not a key: 'jump' (help lists them)
Show ended on [3/3].
"""


@pytest.mark.parametrize("loop", ["", UVLOOP])
def test_every_line_is_a_key_and_every_change_a_line(tmp_path: Path, loop: str) -> None:
    script = write_show(tmp_path, loop)
    ended = played(script, "k\n\nback\ng 3\nspace\njump\nq\n\n\n")
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    # What the action of chapter 2 says comes when it comes.
    assert sorted(ended.stdout.splitlines()) == sorted(GOLDEN.splitlines())
    moves = [line for line in ended.stdout.splitlines() if line.startswith(("[", "!"))]
    assert moves == [line for line in GOLDEN.splitlines() if line.startswith(("[", "!"))]


def test_faults_are_fired_and_the_end_of_input_heals(tmp_path: Path) -> None:
    ended = played(write_show(tmp_path), "c\n1\n\nc 1\n")
    assert "  1 Put the lamp out (until healed)" in ended.stdout
    assert "! Fault 'out' is already" in ended.stdout
    assert "Everything it broke is healed." in ended.stdout
    assert ended.returncode == 0


FOURTEEN = """
def deck(stage): return [Chapter(f"Chapter {number}", "a") for number in range(1, 15)]
FAULTS = [Lamp(f"out-{number}") for number in range(1, 13)]
"""


@pytest.mark.parametrize(
    ("lines", "entered"),
    [
        ("o\n12\n\nq\n", [1, 12]),
        ("o\n1\n2\n\nq\n", [1, 2]),
        ("o 12\n\nq\n", [1, 12, 13]),
        ("o\n15\n\nq\n", [1]),
        ("g 15\nq\n", [1]),
        ("12\nq\n", [1]),
        ("help\n\nhelp\n\nq\n", [1, 2, 3]),
    ],
)
def test_a_number_goes_where_it_says_and_an_empty_line_goes_on(tmp_path: Path, lines: str, entered: list[int]) -> None:
    ended = played(write_show(tmp_path, FOURTEEN), lines)
    told = re.findall(r"^\[(\d+)/14\]", ended.stdout, re.MULTILINE)
    assert [int(number) for number in told] == entered
    assert ("! there is no chapter 15: 1 to 14" in ended.stdout) is ("15" in lines)
    assert ended.stdout.count("next\n") == lines.count("help")
    assert (NUMBER_ALONE in ended.stdout) is lines.startswith("12")


def test_a_number_of_two_digits_fires_that_fault_when_the_empty_line_comes(tmp_path: Path) -> None:
    ended = played(write_show(tmp_path, FOURTEEN), "c\n10\nesc\nc\n11\n\nc\nesc\nq\n")
    told = re.findall(r"^  1[01] Put the lamp out \(until healed\) (\w+)", ended.stdout, re.MULTILINE)
    assert told[:5] == ["idle"] * 5, "two lists before the empty line, and fault 10 in the third"
    assert told[5] != "idle"
    assert re.findall(r"^\[(\d+)/14\]", ended.stdout, re.MULTILINE) == ["1"]


def test_freeze_and_timer_are_words_too(tmp_path: Path) -> None:
    ended = played(write_show(tmp_path), "freeze\nnext\nfreeze\ntimer\nreset\nq\n")
    lines = ["the picture is held on chapter 1", "the picture is released", "timer paused", "timer reset"]
    assert [line for line in ended.stdout.splitlines() if line in lines] == lines


def test_a_press_faster_than_the_action_is_refused_in_so_many_words(tmp_path: Path) -> None:
    body = "def deck(stage): return [Chapter('A', 'a', on_enter=GATE.wait, blocks_advance=True), Chapter('B', 'b')]"
    ended = played(write_show(tmp_path, body), "\n\nq\n")
    assert ended.stdout.count("! Chapter 1 is still running") == 2
    assert ended.returncode == 0


def test_an_action_that_fails_and_a_broken_listener_are_errors_in_words(tmp_path: Path) -> None:
    body = """
async def fails(): raise RuntimeError("on purpose")
def deck(stage): return [Chapter("A", "a", on_enter=fails)]
def listen(narration): raise ValueError("deaf")
OPTIONS = {"on_narration_update": listen}
"""
    script = write_show(tmp_path, body)
    process = subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        waited_for = {
            "error: chapter 1 failed: PLACE in fails: RuntimeError: on purpose",
            "error: on_narration_update: PLACE in listen: ValueError: deaf",
        }
        while waited_for:
            line = process.stdout.readline()
            assert line, waited_for
            waited_for.discard(re.sub(r"\bshow\.py:\d+", "PLACE", line.rstrip("\n")))
        process.stdin.close()
    assert process.returncode == 0


@pytest.mark.parametrize("loop", ["", UVLOOP])
@pytest.mark.parametrize("redirect", ["< /dev/null", "< keys.txt", "<&-", "| cat"])
def test_whatever_stdin_is_its_end_ends_the_show(tmp_path: Path, redirect: str, loop: str) -> None:
    (tmp_path / "keys.txt").write_text("\n" * 2)
    script = write_show(tmp_path, loop)
    command = (
        f"'{sys.executable}' {script} {redirect}" if "|" not in redirect else f"true | '{sys.executable}' {script}"
    )
    ended = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "[1/3] First" in ended.stdout
    assert ("[3/3] Third" in ended.stdout) is ("keys" in redirect)


def test_a_reader_that_leaves_ends_the_show_and_heals(tmp_path: Path) -> None:
    script = write_show(tmp_path)
    command = f"(printf 'c 1\\n'; cat) | '{sys.executable}' {script} | head -n 1"
    process = subprocess.Popen(
        ["/bin/sh", "-c", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    out, err = process.communicate("\n" * 3, timeout=60)
    assert out == "Two lamps\n"
    assert err == ""
    assert (tmp_path / "log.txt").read_text().splitlines()[-1] == "returned"


ARROWS = """
def deck(stage): return [Chapter("Before → after", "a"), Chapter("B", "b")]
"""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_locale_without_arrows_does_not_end_the_show(tmp_path: Path, encoding: str) -> None:
    ended = subprocess.run(
        [sys.executable, str(write_show(tmp_path, ARROWS))],
        input=b"next\nq\n",
        capture_output=True,
        timeout=60,
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    lines = ended.stdout.decode(encoding).splitlines()
    assert ("[1/2] Before → after" if encoding == "utf-8" else "[1/2] Before ? after") in lines
    assert "[2/2] B" in lines


FLOOD = """
def deck(stage):
    async def flood():
        await stage.inject("out")
        for number in range(400):
            await stage.say(f"{number} " + "x" * 250)
        note("flooded")
    return [Chapter("A", "a", on_enter=flood), Chapter("B", "b")]
FAULTS = [Lamp(duration=0.5)]
"""


def test_a_reader_that_does_not_read_holds_nothing_up(tmp_path: Path) -> None:
    script, pipe = write_show(tmp_path, FLOOD), subprocess.PIPE
    with subprocess.Popen([sys.executable, str(script)], stdin=pipe, stdout=pipe, cwd=tmp_path) as process:
        try:
            wait_for(lambda: {"flooded", "lamp on"} <= set(said_in(tmp_path)))
            process.send_signal(signal.SIGTERM)
            wait_for(lambda: said_in(tmp_path)[-1] == "returned")
        finally:
            process.kill()


def test_a_paused_terminal_holds_nothing_up_where_only_lines_can_be_shown(tmp_path: Path) -> None:
    with terminal(write_show(tmp_path, FLOOD), TERM="dumb") as term:
        term.freeze()
        wait_for(lambda: {"flooded", "lamp on"} <= set(said_in(tmp_path)))
        term.process.send_signal(signal.SIGTERM)
        wait_for(lambda: term.process.poll() == 0)
    assert said_in(tmp_path)[-1] == "returned"


def test_what_a_deck_prints_keeps_its_place_among_the_lines(tmp_path: Path) -> None:
    body = """
def deck(stage):
    async def work():
        print("printed by the deck")
        await stage.say("said after it")
    return [Chapter("A", "a", on_enter=work, blocks_advance=True, auto_advance=True), Chapter("B", "b")]
"""
    script = write_show(tmp_path, body)
    environ, pipe = {**os.environ, "PYTHONUNBUFFERED": ""}, subprocess.PIPE
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=tmp_path, env=environ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        lines = []
        while "[2/2] B" not in lines:
            lines.append(process.stdout.readline().rstrip())
        process.stdin.close()
    assert lines.index("printed by the deck") < lines.index("» said after it")


def said_in(folder: Path) -> list[str]:
    return (folder / "log.txt").read_text().splitlines() if (folder / "log.txt").exists() else []


def test_nothing_steers_a_terminal_however_hostile_the_deck(tmp_path: Path) -> None:
    body = r"""
def deck(stage): return [Chapter("a\x1b[31mred\x9b", "b\x1b]0;owned\x07\r\nc", hypothesis="\x1b[2J")]
"""
    ended = played(write_show(tmp_path, body), "?\nq\n")
    assert not any(ord(char) < 32 and char != "\n" for char in ended.stdout)
    assert not any(0x7F <= ord(char) < 0xA0 for char in ended.stdout)


def test_a_terminal_on_one_side_only_gets_plain_lines(tmp_path: Path) -> None:
    script = write_show(tmp_path)
    wrapper = tmp_path / "wrapper.py"
    wrapper.write_text(f"import subprocess, sys\nsubprocess.run([sys.executable, {str(script)!r}], input=b'\\nq\\n')\n")
    with terminal(wrapper) as term:
        assert term.end() == 0
        assert "[2/3] Second" in term.text
        assert b"\x1b" not in term.sent


def test_lines_typed_at_a_terminal_count_when_the_output_is_a_pipe(tmp_path: Path) -> None:
    script = write_show(tmp_path)
    wrapper = tmp_path / "wrapper.py"
    wrapper.write_text(
        f"import subprocess, sys\nend = subprocess.run([sys.executable, {str(script)!r}], stdout=subprocess.PIPE)\n"
        "print(end.stdout.decode().replace('[', '<'))\n"
    )
    with terminal(wrapper) as term:
        _type_lines(term)
        assert term.end() == 0
        term.wait_for("<2/3] Second")


def _type_lines(term: Terminal) -> None:
    term.press("next\rq\r")


def test_health_is_told_by_its_transitions() -> None:
    play, told = player(chapter("one")), Transcript()
    told.lines(play.state)
    play.record_sample()
    assert told.lines(play.state) == ["health is live", "health: n up"]
    play.record_sample()
    assert told.lines(play.state) == []
    play.record_sample(up=False)
    assert told.lines(play.state) == ["n: up → down"]
    play.record_sample()
    assert told.lines(play.state) == ["n: down → up"]


def test_measured_times_are_told_once() -> None:
    play, told = player(chapter("one")), Transcript()
    play.inject()
    play.record_sample(up=False, seen=["kill"])
    assert "kill detected in 2.0 s" in told.lines(play.state)
    assert told.lines(play.state) == []
