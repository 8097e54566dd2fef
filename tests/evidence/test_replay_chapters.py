"""The chapters of a recorded show as WebVTT."""

import gzip
from pathlib import Path

from demo.evidence.replay_chapters import Cue, list_cues, make_webvtt
from demo.show import commands as c
from demo.show import create_initial_state
from demo.types import Chapter
from tests.journal.test_recordings import RECORDINGS
from tests.support.demo_command import run_demo
from tests.support.show_player import Player


def test_each_visit_of_a_chapter_is_a_cue_from_the_start_of_the_show_on() -> None:
    play = Player(create_initial_state("t", "s", "d", [Chapter("One", ""), Chapter("A <b> & --> c", "")]))
    states = []
    for what, later in ((c.Open(), 5.0), (c.Advance(), 61.5), (c.Back(), 3600.0), (c.Say("x"), 2.0)):
        known = len(play.entries)
        play.play(what, later=later)
        states += [(play.state, entry) for entry in play.entries[known:]]
    cues = list(list_cues(states))
    assert cues == [
        Cue(0.0, 61.5, "1. One"),
        Cue(61.5, 3661.5, "2. A <b> & --> c"),
        Cue(3661.5, 3663.5, "1. One"),
    ]
    assert make_webvtt(cues).split("\n\n")[:3] == [
        "WEBVTT",
        "00:00:00.000 --> 00:01:01.500\n1. One",
        "00:01:01.500 --> 01:01:01.500\n2. A &lt;b&gt; &amp; --&gt; c",
    ]


def test_the_command_writes_a_new_file_only(tmp_path: Path) -> None:
    (tmp_path / "old.journal").write_bytes(gzip.decompress(RECORDINGS[-1].read_bytes()))
    words = ("replay", "old.journal", "--webvtt", "chapters.vtt")
    ended = run_demo(*words, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "written    chapters.vtt\n"), ended.stderr
    written = (tmp_path / "chapters.vtt").read_text()
    assert written.startswith("WEBVTT\n\n00:00:00.000 --> ")
    assert [line[0] for line in written.splitlines() if line[:2] in ("1.", "2.")] == ["1", "2"]
    again = run_demo(*words, cwd=tmp_path)
    assert (again.returncode, "there is a file chapters.vtt already" in again.stderr) == (2, True)
