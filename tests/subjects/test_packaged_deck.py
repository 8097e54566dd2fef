"""The decks of the built-in subjects: show files, read once and kept, the same for whoever copies them."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from demo.showfile.packaged import read_packaged
from demo.showfile.subject import ShowFile
from demo.subjects import packaged_deck
from demo.subjects.deck_functions import find_function
from demo.subjects.registry import deck_file, load, names
from demo.types import Chapter
from tests.subjects.ratelimiter.test_deck import Theatre


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "chaos-stage" / "decks"


def chapters_of(name: str) -> tuple[Chapter, ...]:
    return tuple(replace(chapter, on_enter=None) for chapter in load(name).chapters(Theatre({}, {})))


@pytest.mark.parametrize("name", names())
def test_a_packaged_deck_is_a_show_file_that_anybody_may_copy(name: str, cache: Path) -> None:
    show = ShowFile(str(deck_file(name)), allow_run=True)
    assert (show.title, show.description) == (load(name).title, load(name).description)
    assert [driver.config.name for driver in show.faults] == [driver.config.name for driver in load(name).faults]
    copied = show.chapters(Theatre({}, {}))
    packaged = load(name).chapters(Theatre({}, {}))
    assert [chapter.on_enter is None for chapter in copied] == [chapter.on_enter is None for chapter in packaged]
    assert tuple(replace(chapter, on_enter=None) for chapter in copied) == chapters_of(name)


@pytest.mark.parametrize("name", names())
def test_every_step_of_a_packaged_deck_can_be_called_and_no_word_is_left_open(name: str) -> None:
    read = read_packaged(deck_file(name))
    places = [action["python"] for chapter in read for action in chapter["actions"] if action["python"]]
    assert [find_function(place) for place in places if not place.startswith("demo.subjects.")] == []
    assert all(callable(find_function(place)) for place in places)
    for chapter in chapters_of(name):
        assert "${" not in f"{chapter.title}{chapter.narration}{chapter.notes}{chapter.hypothesis}"


def test_a_deck_is_read_once_and_read_again_when_it_has_changed(cache: Path, tmp_path: Path) -> None:
    deck = tmp_path / "deck.md"
    deck.write_text("# One\n")
    made = packaged_deck.packaged_deck(deck, Theatre({}, {}), None)
    assert [chapter.title for chapter in made] == ["One"]
    (stored,) = cache.iterdir()
    assert stored.stat().st_mode & 0o077 == 0 or cache.stat().st_mode & 0o077 == 0
    stored.write_text(stored.read_text().replace("One", "Kept"))
    assert [chapter.title for chapter in packaged_deck.packaged_deck(deck, Theatre({}, {}), None)] == ["Kept"]
    deck.write_text("# Two\n")
    assert [chapter.title for chapter in packaged_deck.packaged_deck(deck, Theatre({}, {}), None)] == ["Two"]


@pytest.mark.parametrize("stored", ["", "[1]", "{", json.dumps([{"chapter": {}, "actions": [{"python": "os:abort"}]}])])
def test_a_broken_or_foreign_file_in_the_cache_is_not_used(stored: str, cache: Path, tmp_path: Path) -> None:
    deck = tmp_path / "deck.md"
    deck.write_text("# One\n")
    packaged_deck.packaged_deck(deck, Theatre({}, {}), None)
    (file,) = cache.iterdir()
    file.write_text(stored)
    assert [chapter.title for chapter in packaged_deck.packaged_deck(deck, Theatre({}, {}), None)] == ["One"]


def test_a_cache_that_cannot_be_written_costs_time_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert load("none").chapters(Theatre({}, {}))[0].title == "Good to see you"


def test_a_start_with_a_kept_deck_imports_no_reader(cache: Path) -> None:
    """What is read of a deck takes a third of a start."""
    import subprocess  # noqa: PLC0415

    script = (
        "import sys\nfrom demo.subjects.registry import load\n"
        "from tests.subjects.ratelimiter.test_deck import Theatre\n"
        "load('none').chapters(Theatre({}, {}))\n"
        "print([name for name in sys.modules if name.startswith('demo.showfile') or name == 'yaml'])"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    second = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert second.stdout == "[]\n"
