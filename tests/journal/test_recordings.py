"""Journals that earlier versions wrote are read for ever."""

import gzip
from pathlib import Path

import pytest

from demo.journal.library.recording import Recording

RECORDINGS = sorted((Path(__file__).parent / "recordings").glob("*.journal.gz"))


@pytest.fixture(params=RECORDINGS, ids=lambda path: path.name.removesuffix(".journal.gz"))
def recording(request: pytest.FixtureRequest, tmp_path: Path) -> Recording:
    path = tmp_path / "old.journal"
    path.write_bytes(gzip.decompress(request.param.read_bytes()))
    return Recording(path)


def test_there_is_one_of_each_version() -> None:
    assert len(RECORDINGS) >= 4


def test_a_journal_of_an_earlier_version_is_folded_to_its_last_state(recording: Recording) -> None:
    states = list(recording.states())
    state, entry = states[-1]
    assert state.seq == entry.seq
    assert (state.subject, state.number, state.total) == ("ratelimiter", 10, 10)
    fault = state.fault("kill-node")
    assert fault is not None
    assert (fault.run, fault.state) == (1, "idle")
    assert fault.detected_after_sec is not None
    assert fault.recovered_after_sec is not None
    assert sum(one.sample is not None for one, _ in states) > 10


def test_its_texts_are_known_where_it_has_its_deck(recording: Recording) -> None:
    show = recording.show()
    assert [bool(chapter.narration) for chapter in show.chapters] == [bool(recording.decks())] * 10
