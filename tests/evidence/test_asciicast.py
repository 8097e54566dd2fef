"""A recorded show as an asciicast: what a terminal that plays it shows."""

import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pyte
import pytest

from demo.cli.replays import read_size
from demo.errors import UsageError
from demo.evidence.asciicast import make_asciicast
from demo.show import commands as c
from demo.show import create_initial_state
from demo.types import Chapter
from tests.journal.test_recordings import RECORDINGS
from tests.support.demo_command import run_demo
from tests.support.show_player import Player, fault

SIZE = (100, 30)


def played(*moves: tuple[c.Command, float]) -> list[Any]:
    play = Player(
        create_initial_state("t", "s", "d", [Chapter("One", "first words"), Chapter("Two", "second words")], [fault()])
    )
    states = []
    for what, later in moves:
        known = len(play.entries)
        play.play(what, later=later)
        states += [(play.state, entry) for entry in play.entries[known:]]
    return states


def read(lines: list[str]) -> tuple[dict[str, Any], list[tuple[float, str, str]]]:
    head, *events = map(json.loads, lines)
    return head, [(at, kind, data) for at, kind, data in events]


def test_a_player_shows_each_picture_and_each_of_them_says_replay() -> None:
    head, events = read(list(make_asciicast(played((c.Open(), 5.0), (c.Advance(), 61.5), (c.Say("hello"), 2.0)), SIZE)))
    assert (head["version"], head["width"], head["height"], head["title"]) == (2, 100, 30, "t")
    assert [(at, data) for at, kind, data in events if kind == "m"] == [(0.0, "1. One"), (61.5, "2. Two")]
    screen = pyte.Screen(*SIZE)
    stream, seen = pyte.Stream(screen), []
    for at, kind, data in events:
        if kind == "o":
            stream.feed(data)
            seen.append((at, "\n".join(screen.display)))
    assert all("REPLAY" in shown.split("\n")[0] for _, shown in seen)
    words = {0.0: "first words", 61.5: "second words", 63.5: "hello"}
    assert [at for at, _ in seen] == list(words)
    assert all(words[at] in shown for at, shown in seen)


def test_a_countdown_moves_between_two_entries_and_a_quiet_time_takes_no_room() -> None:
    states = played((c.Open(), 1.0), (c.StartCountdown(1, 10.0), 1.0), (c.Halt(), 8.0), (c.Say("much later"), 3600.0))
    _, events = read(list(make_asciicast(states, SIZE)))
    times = [at for at, kind, _ in events if kind == "o"]
    assert sum(1.0 < at < 9.0 for at in times) >= 6
    assert sum(9.0 < at < 3609.0 for at in times) == 0
    assert times[-1] == 3609.0


def test_twice_as_fast_takes_half_the_time() -> None:
    states = played((c.Open(), 5.0), (c.Say("end"), 10.0))
    assert read(list(make_asciicast(states, SIZE, speed=2.0)))[1][-1][0] == 5.0


def test_the_command_writes_a_real_recording_into_a_new_file(tmp_path: Path) -> None:
    (tmp_path / "old.journal").write_bytes(gzip.decompress(RECORDINGS[-1].read_bytes()))
    words = ("replay", "old.journal", "--asciicast", "talk.cast", "--size", "80x24")
    ended = run_demo(*words, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "written    talk.cast\n"), ended.stderr
    head, events = read((tmp_path / "talk.cast").read_text().splitlines())
    assert (head["width"], head["height"]) == (80, 24)
    screen = pyte.Screen(80, 24)
    stream = pyte.Stream(screen)
    shown = []
    for _, kind, data in events:
        if kind == "o":
            stream.feed(data)
            shown.append("\n".join(screen.display))
    assert any("node-2 killed" in picture for picture in shown)
    assert "Count where" in shown[-1]
    again = run_demo(*words, cwd=tmp_path)
    assert (again.returncode, "there is a file talk.cast already" in again.stderr) == (2, True)


@pytest.mark.parametrize("text", ["", "80", "x24", "80x", "axb", "10x30", "100x3", "9999x30", "-80x24"])
def test_a_size_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="columns and rows like 100x30"):
        read_size(text)


@pytest.mark.parametrize("option", ["--asciicast", "--webvtt"])
def test_of_a_damaged_recording_what_comes_before_the_damage_is_written_and_that_is_said(
    tmp_path: Path, option: str
) -> None:
    damage(tmp_path / "old.journal", behind=29)
    ended = run_demo("replay", "old.journal", option, "made", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "written    made\n")
    assert "made ends early, as far as the recording can be read: entry 30 " in ended.stderr
    assert "--fresh" not in ended.stderr
    assert "What you see" in (tmp_path / "made").read_text()


def test_of_a_recording_that_cannot_be_read_at_all_no_file_is_made(tmp_path: Path) -> None:
    damage(tmp_path / "old.journal", behind=0)
    ended = run_demo("replay", "old.journal", "--asciicast", "made", cwd=tmp_path)
    assert ended.returncode == 1
    assert "entry 1 of the journal cannot be read" in ended.stderr
    assert not (tmp_path / "made").exists()


def damage(path: Path, behind: int) -> None:
    path.write_bytes(gzip.decompress(RECORDINGS[-1].read_bytes()))
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE entries SET data = '{broken' WHERE seq > ?", (behind,))
        db.commit()
