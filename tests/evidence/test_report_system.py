"""What a show ran on, in its report and in the comparison of two shows."""

import json
from pathlib import Path
from typing import Any

import pytest

from demo.evidence.replay_plan import read_plan
from demo.evidence.reports import Kind, make_report
from demo.journal.library.recording import Recording
from demo.show import events as e
from demo.show.system_described import Facts, SystemDescribed
from tests.evidence.test_reports import words
from tests.support.recorded_shows import ADDRESS, SECRET, Moment, recorded, show, story

SYSTEM: Facts = (
    ("chaos-stage", "0.1.0"),
    ("Redis", "7.2.4"),
    ("option pd", f"http://ada:{SECRET}@{ADDRESS}/"),
    ("cache", f"password={SECRET}"),
)


def told(*described: Facts) -> list[Moment]:
    moments = story()
    moments[2:2] = [(1.0, "show", SystemDescribed(facts)) for facts in described]
    # The vote of the story is named by the number of the event that opened it.
    return [moment for moment in moments if "vote" not in type(moment[2]).__name__.lower()]


def talk(path: Path, *described: Facts) -> Path:
    return recorded(path, told(*described), show())


def data(*paths: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(make_report(paths, "json").text)
    return found


def test_the_newest_description_is_a_table_before_what_was_reported(tmp_path: Path) -> None:
    path = talk(tmp_path / "a.journal", (("Redis", "6.2.0"),), SYSTEM)
    page = words(make_report([path], "html").text)
    assert "What it ran on Name Value chaos-stage 0.1.0 Redis 7.2.4" in page
    assert page.index("Halts, and times") < page.index("What it ran on") < page.index("What was reported")
    assert "6.2.0" not in page
    assert "| Redis | 7.2.4 |" in make_report([path], "markdown").text
    assert list(data(path)["system"].items())[:2] == [("chaos-stage", "0.1.0"), ("Redis", "7.2.4")]


@pytest.mark.parametrize("kind", ["html", "markdown", "json"])
def test_no_address_and_no_secret_of_it_is_handed_out(tmp_path: Path, kind: Kind) -> None:
    report = make_report([talk(tmp_path / "a.journal", SYSTEM)], kind).text
    assert "option pd" in report
    assert SECRET not in report
    assert ADDRESS not in report


def test_a_journal_that_does_not_tell_has_no_such_section(tmp_path: Path) -> None:
    path = talk(tmp_path / "a.journal")
    assert "What it ran on" not in make_report([path], "html").text
    assert data(path)["system"] == {}


def test_two_shows_are_compared_in_what_is_not_the_same(tmp_path: Path) -> None:
    one = talk(tmp_path / "one.journal", SYSTEM)
    other = talk(tmp_path / "other.journal", (("chaos-stage", "0.1.0"), ("Redis", "7.4.1"), ("nodes", "3")))
    text = make_report([one, other], "markdown").text
    (table,) = [part for part in text.split("\n## ") if part.startswith("What they ran on")]
    assert "| Redis | 7.2.4 | 7.4.1 |" in table
    assert "| nodes | – | 3 |" in table
    assert "| chaos" not in table
    assert [one["system"].get("Redis") for one in data(one, other)["shows"]] == ["7.2.4", "7.4.1"]
    same, silent = talk(tmp_path / "same.journal", SYSTEM), talk(tmp_path / "silent.journal")
    for second in (same, silent):
        assert "What they ran on" not in make_report([one, second], "html").text


def test_the_rules_and_a_replay_pass_over_it(tmp_path: Path) -> None:
    recording = Recording(talk(tmp_path / "a.journal", SYSTEM))
    assert recording.newest(SystemDescribed) == SystemDescribed(SYSTEM)
    assert recording.newest(e.MarkNoted) is None
    before, after = [state for state, entry in recording.states() if entry.seq in (2, 3)]
    assert (after.seq, after.log, after.current) == (3, before.log, before.current)
    assert not read_plan(recording).damage
