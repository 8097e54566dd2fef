"""What a report says of the writes that a load numbered: from the very cards that a show file makes."""

from pathlib import Path
from typing import Any

from demo.evidence.books import BookFacts
from demo.evidence.facts import ShowFacts
from demo.evidence.facts_reader import read_facts
from demo.evidence.reports import make_report
from demo.load.book.book import Counts
from demo.load.book.marks import Anomalies
from demo.load.book.sender import BookState
from demo.show import events as e
from demo.showfile.books import add_book
from tests.support.recorded_shows import Moment, entered, killed, opened, recorded, sample, show

UNREAD = None


def written(sec: float, confirmed: int, wrong: Anomalies | None = None, ambiguous: int = 0) -> Moment:
    counts = Counts(confirmed, confirmed, 0, ambiguous, wrong or Anomalies(), Anomalies())
    card: dict[str, Any] = {
        "id": "api",
        "name": "api",
        "kind": "load",
        "health": "up",
        "detail": "",
        "metrics": {"/s": 40},
    }
    at, who, event = sample(sec, 40)
    assert isinstance(event, e.HealthSampled)
    nodes = [*event.health["nodes"], add_book(card, BookState(counts, wrong is not None, ""))]
    return at, who, e.HealthSampled({**event.health, "nodes": nodes}, event.updated_at)


def read(tmp_path: Path, *told: Moment) -> ShowFacts:
    return read_facts(recorded(tmp_path / "talk.journal", [opened(show()), entered(0, 1), *told], show()))


def test_writes_are_counted_from_fault_to_fault(tmp_path: Path) -> None:
    facts = read(
        tmp_path,
        written(1, 40, Anomalies()),
        written(5, 200, Anomalies()),
        *killed(6),
        written(7, 220, Anomalies(lost=2), 3),
        written(8, 230, UNREAD, 4),
        written(14, 500, Anomalies(lost=1, duplicate=2), 5),
        *killed(20, 2),
        written(21, 600, Anomalies(out_of_order=7)),
    )
    assert facts.books == (
        BookFacts("api", 0, 200, 0, 0, 0, 0),
        BookFacts("api", 1, 300, 5, 1, 2, 0),
        BookFacts("api", 2, 100, 0, 0, 0, 7),
    )


def test_a_load_that_counts_anew_after_a_restart_has_confirmed_both(tmp_path: Path) -> None:
    facts = read(
        tmp_path, written(1, 40), written(5, 200), (8.0, "show", e.ShowPickedUp()), written(9, 30), written(10, 50)
    )
    assert facts.books == (BookFacts("api", 0, 250),)


def test_what_was_never_read_again_is_not_said_to_be_there(tmp_path: Path) -> None:
    path = recorded(tmp_path / "talk.journal", [opened(show()), entered(0, 1), written(1, 40, UNREAD, 2)], show())
    assert "| api | the beginning | 40 | –<br>not read again | – | – | 2 |" in make_report([path], "markdown").text


def test_the_page_has_a_row_for_each_fault(tmp_path: Path) -> None:
    told = [opened(show()), entered(0, 1), written(1, 40, Anomalies()), *killed(6), written(7, 90, Anomalies(lost=2))]
    page = make_report([recorded(tmp_path / "talk.journal", told, show())], "markdown").text
    assert "| api | the beginning | 40 | **0** | 0 | 0 | 0 |" in page
    assert "| api | node-2 at ••• killed<br>0:06 | 50 | **2** | 0 | 0 | 0 |" in page


def test_a_show_without_numbered_writes_has_no_such_section(tmp_path: Path) -> None:
    assert read(tmp_path, sample(1, 40)).books == ()
    assert "## Writes" not in make_report([tmp_path / "talk.journal"], "markdown").text
