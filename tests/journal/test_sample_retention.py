"""What stays of health samples: the last minutes and the minutes of faults whole, of the rest one in ten seconds."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from demo.journal import Journal
from demo.journal.sample_retention import STEP
from demo.show import events as e
from demo.subjects.registry import load
from tests.support import fetch
from tests.support.servers import serving

pytestmark = pytest.mark.anyio

BEGUN, ENDS = 1_000_000.0, 1_003_600.0
REQUESTED, RECOVERED = BEGUN + 1500.5, BEGUN + 1530.5
TITLES = tuple(chapter.title for chapter in load("none").chapters(None))  # type: ignore[arg-type]


def an_hour() -> Iterator[tuple[float, e.Event]]:
    """A sample a second, a fault in the middle, something said every minute."""
    yield BEGUN, e.ShowOpened("none", TITLES)
    yield BEGUN, e.ChapterEntered(1, True, 1)
    fault: dict[float, list[e.Event]] = {
        REQUESTED: [e.FaultRequested("kill", 1), e.FaultStarted("kill", 1, "n")],
        REQUESTED + 10: [e.HealRequested("kill", 1), e.FaultHealed("kill", 1)],
        RECOVERED: [e.FaultRecovered("kill", 1, 20.0)],
    }
    for second in range(int(ENDS - BEGUN)):
        at = BEGUN + second
        yield at, e.HealthSampled({"nodes": [{"id": "n", "health": "up"}], "text": "x" * 500}, at)
        for event in fault.get(at + 0.5, ()):
            yield at + 0.5, event
        if second % 60 == 59:
            yield at, e.Said(f"minute {second // 60}")


async def filled(path: Path) -> list[e.JournalEntry]:
    entries = [e.JournalEntry(seq, at, "test", event) for seq, (at, event) in enumerate(an_hour(), 1)]
    journal = Journal(path)
    await journal.append(entries)
    await journal.close()
    return entries


async def thinned(path: Path, *running: str, again: bool = False) -> None:
    """All that is to be done at the end of that hour. `again`: each step by a server of its own."""
    journal = Journal(path)
    while await journal.thin(ENDS, running):
        if again:
            await journal.close()
            journal = Journal(path)
            while await journal.thin(BEGUN, running):
                """It reads the faults first."""
    await journal.close()


def kept(path: Path) -> list[tuple[int, float, str]]:
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT seq, at, json_extract(data, '$.type') FROM entries ORDER BY seq").fetchall()
    return [(seq, at, kind) for seq, at, kind in rows]


def samples(path: Path) -> list[float]:
    return [at for _, at, kind in kept(path) if kind == "HealthSampled"]


@pytest.mark.parametrize("again", [False, True])
async def test_old_samples_are_thinned_and_events_and_the_minutes_of_faults_are_not(
    tmp_path: Path, again: bool
) -> None:
    path = tmp_path / "j"
    entries = await filled(path)
    await thinned(path, again=again)
    story = [(one.seq, one.at) for one in entries if not isinstance(one.event, e.HealthSampled)]
    assert [(seq, at) for seq, at, kind in kept(path) if kind != "HealthSampled"] == story
    left = samples(path)
    whole = [*range(int(REQUESTED - 29), int(RECOVERED + 30)), *range(int(ENDS - 599), int(ENDS))]
    assert {float(at) for at in whole} <= set(left)
    gaps = [later - earlier for earlier, later in pairwise(left)]
    assert max(gaps) == 10.0, "one in ten seconds of what else there was"
    assert len(left) < len(whole) + 3600 / 10
    before = kept(path)
    await thinned(path)
    assert kept(path) == before


async def test_while_a_fault_is_not_over_all_since_it_began_is_kept(tmp_path: Path) -> None:
    await filled(tmp_path / "j")
    await thinned(tmp_path / "j", "kill")
    left = samples(tmp_path / "j")
    assert [at for at in left if at > REQUESTED - 30] == [float(at) for at in range(int(REQUESTED - 29.5), int(ENDS))]
    assert len([at for at in left if at < REQUESTED - 30]) < 150


async def test_a_step_is_small_and_what_it_frees_is_used_again(tmp_path: Path) -> None:
    path = tmp_path / "j"
    entries = await filled(path)
    journal = Journal(path)
    counts = [len(kept(path))]
    while await journal.thin(ENDS, ()):
        counts.append(len(kept(path)))
    assert max(earlier - later for earlier, later in pairwise(counts)) <= STEP
    size = path.stat().st_size
    more = [e.JournalEntry(len(entries) + n, ENDS + n, "test", entries[100].event) for n in range(1, 2000)]
    await journal.append(more)
    await journal.close()
    assert path.stat().st_size < size * 1.1


async def test_a_journal_of_before_is_thinned_too(tmp_path: Path) -> None:
    path = tmp_path / "j"
    await filled(path)
    with closing(sqlite3.connect(path)) as db:
        db.executescript("DROP TABLE snapshots; DROP TABLE thinned; DROP INDEX story; PRAGMA user_version = 0;")
    await thinned(path)
    assert len(samples(path)) < 1200


def told(url: str, last_id: str, until: int) -> list[dict[str, Any]]:
    found = []
    with fetch.stream("GET", f"{url}/events", headers={"Last-Event-ID": last_id}, timeout=20) as response:
        for line in response.iter_lines():
            if line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: ")))
                if found[-1]["seq"] >= until:
                    return found
    raise AssertionError("the stream ended")


async def test_events_say_where_samples_are_left_out_and_go_on_behind_one_that_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "j"
    entries = await filled(path)
    await thinned(path)
    seqs = [seq for seq, _, _ in kept(path)]
    gone = next(seq for seq in range(1, len(entries)) if seq not in seqs)
    with serving("none", "--journal", str(path)) as server:
        epoch = server.until(lambda state: state["seq"] > len(entries))["epoch"]
        everything = told(server.url, f"{epoch}-0", len(entries) + 1)
        assert [one["seq"] for one in everything][: len(seqs)] == seqs
        left_out, last = 0, 0
        for one in everything:
            assert one["seq"] == last + one.get("left_out", 0) + 1
            left_out, last = left_out + one.get("left_out", 0), one["seq"]
        assert left_out == len(entries) - len(seqs)
        resumed = told(server.url, f"{epoch}-{gone}", len(entries) + 1)
        assert [one["seq"] for one in resumed] == [one["seq"] for one in everything if one["seq"] > gone]
        assert server.client.post("/advance").status_code == 200
