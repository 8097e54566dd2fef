"""What is read of a journal: every chapter, injection, vote and halt, through edits, crashes and other versions."""

import gzip
import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from demo.errors import JournalError
from demo.evidence.facts import ShowFacts
from demo.evidence.facts_reader import read_facts
from demo.evidence.reports import make_report
from demo.show import events as e
from demo.show.deck import titles_of
from demo.types import Chapter
from tests.support.recorded_shows import (
    BEGAN,
    CHAPTERS,
    Moment,
    entered,
    killed,
    opened,
    recorded,
    sample,
    show,
    story,
    write,
)


@pytest.fixture
def facts(tmp_path: Path) -> ShowFacts:
    return read_facts(recorded(tmp_path / "talk.journal", story(), show()))


def read(tmp_path: Path, told: list[Moment], *, with_deck: bool = True) -> ShowFacts:
    return read_facts(recorded(tmp_path / "other.journal", told, show() if with_deck else None))


def test_the_show_has_its_title_its_length_and_its_end(facts: ShowFacts) -> None:
    assert (facts.name, facts.title, facts.subject, facts.has_deck) == ("talk", "Who counts?", "lamp", True)
    assert (facts.timeline.began_at, facts.timeline.length_sec, facts.ending) == (BEGAN, 90.0, "over")


def test_each_chapter_says_when_it_was_entered_how_long_it_stayed_and_what_came_of_its_prediction(
    facts: ShowFacts,
) -> None:
    stays = [(one.number, one.title, facts.visited_sec(one)) for one in facts.chapters]
    assert stays == [
        (n, chapter.title, sec) for n, chapter, sec in zip(range(1, 6), CHAPTERS, (10, 10, 50, 10, 10), strict=True)
    ]
    assert [one.number for one in facts.predictions] == [2, 4]
    first, second = facts.predictions
    assert first.judged is not None
    assert (first.judged.verdict.held, second.judged) == (True, None)


def test_each_injection_says_what_was_measured_of_it_and_which_prediction_it_tested(facts: ShowFacts) -> None:
    first, failed, third = facts.runs
    assert (first.fault.detected_after_sec, first.recovered_sec, first.heal_by) == (0.2, 1.5, "timer")
    assert (first.chapter, first.hypothesis_chapter, first.judged is not None) == (3, 2, True)
    assert (failed.fault.injection_failed, failed.fault.injected_at) == (True, None)
    assert len(failed.failures) == 1
    assert (third.fault.detected_after_sec, third.recovered_sec, third.judged) == (0.4, 2.5, None)


def test_a_recovery_of_which_no_effect_was_seen_is_no_measurement(tmp_path: Path) -> None:
    told = [moment for moment in killed(5) if not isinstance(moment[2], e.FaultDetected)]
    (run,) = read(tmp_path, [opened(show()), entered(0, 1), *told]).runs
    assert run.fault.recovered_after_sec == 1.5
    assert run.recovered_sec is None


def test_the_vote_the_halt_and_the_time_without_samples_are_there(facts: ShowFacts) -> None:
    (vote,) = facts.votes
    assert (vote.ballot.counts, vote.chapter, vote.right) == ((3, 9), 2, "No")
    assert vote.outcome == "75 % said No. Measured: None of 421 requests failed. The room was right."
    (halt,) = facts.halts
    assert (halt.who, halt.at, halt.resumed_at, halt.resumed_by) == ("presenter", BEGAN + 50, BEGAN + 55, "remote")
    (gap,) = facts.sample_gaps
    assert (gap.since, gap.until, gap.reason) == (BEGAN + 56, BEGAN + 58, "the poller does not answer")


def test_a_run_that_a_restart_interrupted_is_not_measured(tmp_path: Path) -> None:
    told = [opened(show()), entered(0, 1), *list(killed(5))[:3], (8.0, "show", e.ShowPickedUp())]
    (run,) = read(tmp_path, told).runs
    assert run.fault.not_measurable


def test_a_break_between_two_servers_is_no_part_of_the_show(tmp_path: Path) -> None:
    told: list[Moment] = [opened(show()), entered(0, 1), entered(20, 2), (30.0, "show", e.ShowClosed(over=False))]
    told += [(86430.0, "show", e.ShowPickedUp()), sample(86431, 40), sample(86432, 40), entered(86440, 3, 3)]
    told[3:3] = [sample(28, 60), sample(29, 60)]
    facts = read(tmp_path, told)
    assert facts.timeline.length_sec == 40.0
    assert facts.timeline.breaks == ((BEGAN + 30, BEGAN + 86430),)
    assert facts.visited_sec(facts.chapters[1]) == 20.0
    assert facts.measured.series[0].lines == (((28.0, 60.0), (29.0, 60.0)), ((31.0, 40.0), (32.0, 40.0)))
    assert [len(node.spans) for node in facts.measured.nodes] == [2, 2, 2]
    short = read(tmp_path / "..", [opened(show()), entered(0, 1), (30.0, "show", e.ShowPickedUp())])
    assert (short.timeline.length_sec, short.timeline.breaks) == (30.0, ())


def test_a_show_that_was_set_aside_later_is_not_longer_for_it(tmp_path: Path) -> None:
    told = [*story()[:-1], (80, "show", e.ShowClosed(over=False))]
    before = read_facts(recorded(tmp_path / "a.journal", told, show()))
    after = read_facts(recorded(tmp_path / "b.journal", [*told, (90_000, "show", e.ShowSetAside())], show()))
    assert (after.ending, after.timeline.length_sec) == ("set aside", before.timeline.length_sec)
    assert [after.visited_sec(chapter) for chapter in after.chapters] == [
        before.visited_sec(chapter) for chapter in before.chapters
    ]


@pytest.mark.parametrize(("state", "is_in_place"), [("planned", True), ("healed", False)])
def test_what_the_watchdog_healed_is_not_told_to_be_in_place(tmp_path: Path, state: str, is_in_place: bool) -> None:
    told = [opened(show()), entered(0, 1), *killed(1)][:6]
    path = recorded(tmp_path / "a.journal", told, show())
    with closing(sqlite3.connect(path)) as db, db:
        row = ("id", "kill-node", 1, "process", "node-2", "{}", "", 0.5, state, 1.0)
        db.execute("INSERT INTO undos VALUES (?,?,?,?,?,?,?,?,?,?)", row)
    (run,) = read_facts(path).runs
    assert run.is_in_place == is_in_place
    page, data = make_report([path], "html").text, json.loads(make_report([path], "json").text)
    assert ("healed by the watchdog" in page, "still in place" in page) == (not is_in_place, is_in_place)
    assert data["faults"][0]["healed_by"] == (None if is_in_place else "watchdog")


def test_damaged_texts_are_counted_and_the_rest_is_told(tmp_path: Path) -> None:
    path = recorded(tmp_path / "a.journal", story(), show())
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE entries SET data = CAST(x'ff7b7d' AS TEXT) WHERE seq = 4")
        db.execute("UPDATE decks SET data = CAST(x'7bff' AS TEXT)")
    page = make_report([path], "html").text
    assert "2 entries of the journal cannot be read" in page
    assert "An earlier version wrote" not in page


def test_chapters_are_followed_through_an_edit(tmp_path: Path) -> None:
    titles = titles_of(CHAPTERS)
    edited = ("New", titles[1], *titles[3:])
    told: list[Moment] = [opened(show()), entered(0, 1), entered(5, 3, 2), (10.0, "show", e.DeckChanged(edited, 2))]
    told += [entered(20, 1, 3), (25.0, "show", e.Concluded(2, False, "Two failed."))]
    chapters = {one.title: one for one in read(tmp_path, told).chapters}
    assert {title: one.number for title, one in chapters.items()} == {
        **{title: number for number, title in enumerate(edited, 1)},
        titles[0]: 0,
        titles[2]: 0,
    }
    stays = {title: one.visit_spans for title, one in chapters.items() if one.visit_spans}
    assert stays == {
        titles[0]: ((BEGAN, BEGAN + 5),),
        titles[2]: ((BEGAN + 5, BEGAN + 10),),
        titles[1]: ((BEGAN + 10, BEGAN + 20),),
        "New": ((BEGAN + 20, BEGAN + 25),),
    }
    assert chapters[titles[1]].judged is not None


def test_a_chapter_that_ran_again_without_a_verdict_has_only_an_earlier_one(tmp_path: Path) -> None:
    told = [opened(show()), entered(0, 2, 1), (1.0, "show", e.Concluded(2, True, "Fine."))]
    told += [(2.0, "presenter", e.ActionStarted(2, 2, 1))]
    chapter = read(tmp_path, told).chapters[1]
    assert chapter.judged is None
    assert [one.verdict.text for one in chapter.earlier] == ["Fine."]


def test_of_a_journal_without_a_deck_the_titles_and_the_verdicts_are_known(tmp_path: Path) -> None:
    facts = read(tmp_path, story(), with_deck=False)
    assert not facts.has_deck
    assert [one.title for one in facts.chapters] == [chapter.title for chapter in CHAPTERS]
    assert [(run.fault.name, run.fault.detected_after_sec) for run in facts.runs] == [
        ("kill-node", 0.2),
        ("kill-node", None),
        ("kill-node", 0.4),
    ]
    assert [one.judged is not None for one in facts.predictions] == [True]


def test_entries_of_a_later_version_are_counted_and_the_others_read(tmp_path: Path) -> None:
    path = recorded(tmp_path / "later.journal", story(), show())
    with closing(sqlite3.connect(path)) as db, db:
        for seq, data in ((13, '{"type": "Teleported", "to": 3}'), (14, "[]"), (15, '{"type": "Halted", "mood": 1}')):
            db.execute("UPDATE entries SET data = ? WHERE seq = ?", (data, seq))
    facts = read_facts(path)
    assert facts.unreadable.count == 3
    assert "Teleported" in facts.unreadable.first
    assert (facts.ending, len(facts.halts)) == ("over", 1)


def test_an_entry_that_does_not_fit_is_left_out(tmp_path: Path) -> None:
    facts = read(tmp_path, [opened(show()), entered(0, 1), entered(5, 99, 2), entered(9, 2, 3)])
    assert (facts.unreadable.count, facts.chapters[1].visits) == (1, 1)


def test_a_journal_without_a_show_is_refused_in_a_sentence(tmp_path: Path) -> None:
    empty = recorded(tmp_path / "empty.journal", [])
    with pytest.raises(JournalError, match=r"has no entries: nothing was shown$"):
        read_facts(empty)
    with pytest.raises(JournalError, match="does not begin with the opening of a show"):
        read_facts(recorded(tmp_path / "headless.journal", [entered(0, 1)]))
    (tmp_path / "text.journal").write_text("no journal at all, but long enough to have a header of SQLite's size" * 3)
    with pytest.raises(JournalError):
        read_facts(tmp_path / "text.journal")


@pytest.mark.anyio
async def test_a_show_that_goes_on_is_read_while_its_journal_is_open(tmp_path: Path) -> None:
    journal = await write(tmp_path / "open.journal", story()[:-1], show())
    facts = read_facts(journal.path)
    await journal.close()
    assert (facts.ending, len(facts.runs)) == ("running", 3)
    assert read_facts(journal.path).ending == "open"


RECORDINGS = sorted((Path(__file__).parents[1] / "journal" / "recordings").glob("*.journal.gz"))


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.name.removesuffix(".journal.gz"))
def test_journals_of_earlier_versions_are_told_as_far_as_they_know(recording: Path, tmp_path: Path) -> None:
    path = tmp_path / "old.journal"
    path.write_bytes(gzip.decompress(recording.read_bytes()))
    facts = read_facts(path)
    (run,) = facts.runs
    assert run.fault.detected_after_sec is not None
    assert run.recovered_sec is not None
    assert (len(facts.chapters), facts.chapters[-1].visits, facts.unreadable.count) == (10, 1, 0)
    assert facts.measured.samples > 10
    assert [series.name for series in facts.measured.series][:3] == ["load", "latency", "errors"]
    assert len(facts.predictions) == (3 if facts.has_deck else 0)


KILLED = """
import asyncio, os, sys
from pathlib import Path
from tests.support.recorded_shows import show, story, write

async def main():
    await write(Path(sys.argv[1]), story()[:-1], show())
    os.kill(os.getpid(), 9)

asyncio.run(main())
"""


def test_a_journal_that_a_kill_left_with_its_log_is_read_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "killed.journal"
    ended = subprocess.run([sys.executable, "-c", KILLED, path], cwd=Path(__file__).parents[2], check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    log = Path(f"{path}-wal")
    before = {one.name: one.read_bytes() for one in (path, log)}
    assert len(before[log.name]) > 10_000
    facts = read_facts(path)
    assert (facts.ending, len(facts.runs), facts.timeline.length_sec) == ("open", 3, 80.0)
    assert {one.name: one.read_bytes() for one in (path, log)} == before


def test_a_node_that_no_sample_tells_of_any_more_is_down(tmp_path: Path) -> None:
    gone = sample(3, 60)[2]
    assert isinstance(gone, e.HealthSampled)
    nodes = [node for node in gone.health["nodes"] if node["id"] != "node-2"]
    without = e.HealthSampled({**gone.health, "nodes": nodes}, BEGAN + 3)
    facts = read(tmp_path, [opened(show()), sample(1, 60), sample(2, 60), (3.0, "poller", without), sample(9, 60)])
    states = {node.id: [state for _, _, state in node.spans] for node in facts.measured.nodes}
    assert states == {"node-1": ["up"], "node-2": ["up", "down", "up"], "node-3": ["up"]}
    assert [node.id for node in facts.measured.nodes if node.was_broken] == ["node-2"]


def test_the_deck_of_the_journal_is_a_deck_of_the_report(tmp_path: Path) -> None:
    deck = (Chapter("Only one", "", hypothesis="It holds", expect="errors is 0"),)
    facts = read_facts(recorded(tmp_path / "own.journal", [opened(show(deck)), entered(0, 1)], show(deck, "Mine")))
    assert (facts.title, facts.chapters[0].hypothesis, facts.chapters[0].expect) == ("Mine", "It holds", "errors is 0")
