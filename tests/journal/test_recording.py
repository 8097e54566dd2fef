"""A journal that is read from its first entry on, without its deck: the deck is in it."""

import json
import math
import sqlite3
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from demo.ballots.vote import Vote
from demo.errors import JournalError
from demo.journal import Journal
from demo.journal.library.recording import Recording
from demo.narration.image import make_image
from demo.narration.page_style import PageStyle
from demo.narration.threshold import Threshold
from demo.show import commands as c
from demo.show.state import FaultState, create_initial_state
from demo.show.stored_deck import decode_deck, encode_deck
from demo.subjects.registry import load
from demo.types import ChaosConfig, ChaosType, Chapter
from tests.conductor.test_conductor import Switch, System, ask, playing, reached
from tests.conductor.test_edits import edit

pytestmark = pytest.mark.anyio

FULL = Chapter(
    "Kill it",
    "One **node** dies",
    notes="breathe",
    budget_sec=60.0,
    hypothesis="no error",
    steps=("One", "Two"),
    highlight=("qps",),
    injects=("kill",),
    thresholds=(Threshold("errors", "<", 0.1, "%"),),
    style=PageStyle("dark", "de"),
    vote=Vote("How long?", (), unit="s", measure="recovered"),
)
DECK = (Chapter("Start", "Hello"), FULL, Chapter("End", "Bye", shows_evidence=True))
SVG = make_image(b'<svg xmlns="http://www.w3.org/2000/svg" width="4" height="3"></svg>')


def without_actions(deck: tuple[Chapter, ...]) -> tuple[Chapter, ...]:
    return tuple(replace(chapter, on_enter=None) for chapter in deck)


class NoStage:
    """Stands for the stage where only a deck's texts are wanted."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args: None


@pytest.mark.parametrize("name", ["none", "ratelimiter", "etcd", "tikv"])
def test_every_built_in_deck_comes_back_as_it_was(name: str) -> None:
    subject = load(name)
    deck = tuple(subject.chapters(NoStage()))
    show = create_initial_state(subject.title, name, subject.description, deck, map(FaultState.of, subject.faults))
    stored = decode_deck(encode_deck(show))
    assert stored.chapters == without_actions(deck)
    assert stored.faults == show.faults
    assert (stored.title, stored.subject, stored.description) == (show.title, name, show.description)


async def test_a_show_is_read_with_its_deck_and_images_and_folds_to_the_state_it_had(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    async with playing(DECK, Switch(System()), journal=Journal(path), images=lambda: (SVG,)) as conductor:
        await ask(conductor, c.Advance())
        await ask(conductor, c.Inject("off"))
        await reached(conductor, lambda state: state.faults[0].state == "active")
        await ask(conductor, c.Heal("off"))
        await reached(conductor, lambda state: state.faults[0].state == "idle")
    recording = Recording(path)
    *_, (folded, last) = recording.states()
    assert folded.seq == last.seq
    played = conductor.state
    assert replace(folded, journal=played.journal, durable=True) == replace(
        played, chapters=without_actions(played.chapters), deck=without_actions(played.deck), durable=True
    )
    assert recording.show().chapters[1] == FULL
    assert recording.files() == [SVG]


async def test_an_edited_deck_holds_from_its_edit_on(tmp_path: Path) -> None:
    path, lamp = tmp_path / "a.journal", Switch(System())
    async with playing(DECK, lamp, journal=Journal(path)) as conductor:
        await ask(conductor, c.Say("before"))
        changed = replace(DECK[0], narration="Hello again")
        await edit(conductor, (changed, *DECK[1:]), (1, 2, 3), lamp)
    said = {state.said: state.chapter.narration for state, _ in Recording(path).states()}
    assert said == {"": "Hello", "before": "Hello again"}
    assert next(seq for seq, _ in Recording(path).decks()) == 1


async def test_a_continued_show_whose_deck_is_unchanged_keeps_it_once_and_an_edited_one_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    for deck, decks in ((DECK, 1), (DECK, 1), (DECK[:2], 2)):
        async with playing(deck, journal=Journal(path)):
            pass
        assert len(Recording(path).decks()) == decks
    *_, (state, _) = Recording(path).states()
    assert without_actions(state.chapters) == DECK[:2]


async def test_a_journal_without_its_deck_tells_of_titles_and_faults(tmp_path: Path) -> None:
    """As those of earlier versions."""
    path = tmp_path / "a.journal"
    async with playing(DECK, Switch(System()), journal=Journal(path)) as conductor:
        await ask(conductor, c.Inject("off"))
        await ask(conductor, c.Advance())
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE decks")
        db.execute("DROP TABLE deck_files")
        db.commit()
    recording = Recording(path)
    *_, (state, _) = recording.states()
    assert [chapter.title for chapter in state.chapters] == ["Start", "Kill it", "End"]
    assert [(fault.name, fault.run) for fault in state.faults] == [("off", 1)]
    assert (recording.decks(), recording.files(), state.number) == ([], [], 2)


async def test_a_damaged_deck_is_said_and_an_empty_journal_too(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    async with playing(DECK, journal=Journal(path)):
        pass
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE decks SET data = '{'")
        db.commit()
    with pytest.raises(JournalError, match="the deck in the journal cannot be read"):
        Recording(path).show()
    nothing = Journal(tmp_path / "b.journal")
    await nothing.close()
    with pytest.raises(JournalError, match="nothing was shown"):
        Recording(tmp_path / "b.journal").show()


def test_a_deck_of_a_later_version_is_read_without_what_is_unknown_and_of_an_earlier_one_with_defaults() -> None:
    show = create_initial_state("T", "s", "D", DECK, [FaultState(ChaosConfig("k", ChaosType.COMMAND, "", math.inf))])
    data = json.loads(encode_deck(show))
    data["chapters"][0] |= {"hologram": True}
    del data["chapters"][0]["budget_sec"], data["faults"][0]["config"]["burst_multiplier"]
    assert decode_deck(json.dumps(data)) == show
    assert data["faults"][0]["config"]["duration_sec"] == math.inf


async def test_a_deck_that_is_no_json_does_not_stop_the_show(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    odd = replace(DECK[0], budget_sec=Decimal(3))  # type: ignore[arg-type]
    async with playing((odd, *DECK[1:]), journal=Journal(path)) as conductor:
        await ask(conductor, c.Advance())
    assert Recording(path).decks() == []
    assert Recording(path).show().chapters[1].title == "Kill it"


async def test_a_text_that_was_edited_between_two_starts_holds_from_the_second_on(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    for deck, word in ((DECK, "first"), ((replace(DECK[0], narration="Hello again"), *DECK[1:]), "second")):
        async with playing(deck, journal=Journal(path)) as conductor:
            await ask(conductor, c.Say(word))
    said = {state.said: state.chapter.narration for state, _ in Recording(path).states()}
    assert said == {"": "Hello", "first": "Hello again", "second": "Hello again"}
