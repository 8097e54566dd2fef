"""An edited deck goes on at the chapter of the same title; `--from N` says where to begin."""

from collections.abc import Sequence
from pathlib import Path

import pytest

import demo
from demo.show import ShowState, apply, create_initial_state
from demo.show import events as e
from demo.show.deck import map_chapter_numbers, titles_of
from demo.types import Chapter
from tests.subjects.test_own_subject import said
from tests.support.servers import Server, serving, wait_for

ROOT = Path(demo.__file__).parent.parent
HERE = {"PYTHONPATH": str(ROOT)}

TALK = """
from pathlib import Path
from demo.subjects.none import NoSystem
from demo.types import Chapter

class Talk(NoSystem):
    def chapters(self, stage):
        def acts(title):
            async def act():
                with open("acted", "a") as file:
                    file.write(title + "\\n")
            return act
        titles = Path("titles").read_text().split()
        return [Chapter(title, f"About {title}.", on_enter=acts(title)) for title in titles]
"""


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    (tmp_path / "talk.py").write_text(TALK)
    (tmp_path / "acted").touch()
    edit(tmp_path, "calm storm wreck end")
    return tmp_path


def edit(talk: Path, titles: str) -> None:
    (talk / "titles").write_text(titles)


def acted(talk: Path) -> list[str]:
    return (talk / "acted").read_text().split()


def chapter(server: Server) -> tuple[str, str]:
    state = server.state()
    return state["progress"], state["chapter"]["title"]


def play(talk: Path, state: Path, presses: int, *args: str) -> tuple[str, str]:
    """Serve it, press on, and kill it in the middle; the chapter it stood on."""
    with serving("talk:Talk", *args, cwd=talk, env=HERE, state_home=state) as server:
        for _ in range(presses):
            wait_for(lambda: server.state()["chapter"]["status"] == "done", 10, lambda: str(server.state()))
            server.client.post("/advance")
        wait_for(lambda: server.state()["chapter"]["status"] in ("done", "idle"), 10)
        stood = chapter(server)
        server.kill()
        return stood


def test_an_edited_deck_goes_on_at_the_chapter_of_the_same_title(talk: Path, state_home: Path) -> None:
    assert play(talk, state_home, 1) == ("[2/4]", "storm")
    edit(talk, "cover calm lull storm wreck end")
    assert play(talk, state_home, 0) == ("[4/6]", "storm")
    assert acted(talk) == ["calm", "storm"], "nothing is fired twice"
    edit(talk, "storm end")
    assert play(talk, state_home, 1) == ("[2/2]", "end")
    edit(talk, "calm storm wreck end")
    with serving("talk:Talk", cwd=talk, env=HERE, state_home=state_home) as server:
        assert chapter(server) == ("[4/4]", "end")
        assert "the deck was edited: continuing at 4: end" in [line["text"] for line in server.state()["log"]]
        assert "continued  chapter 4 of 4 of an edited deck" in server.read_output()
    assert acted(talk) == ["calm", "storm", "end"]


def test_a_deck_without_the_chapter_it_stood_on_is_said_and_begun_anew(talk: Path, state_home: Path) -> None:
    play(talk, state_home, 1)
    edit(talk, "calm gale")
    with serving("talk:Talk", cwd=talk, env=HERE, state_home=state_home) as server:
        assert chapter(server) == ("[1/2]", "calm")
        told = "it belongs to another deck of 4 chapters and is on 'storm', which this deck does not have; --from N"
        assert any(told in line["text"] for line in server.state()["log"])


def test_a_named_journal_of_another_deck_is_refused_with_what_to_do(talk: Path, state_home: Path) -> None:
    journal = str(talk / "show.journal")
    play(talk, state_home, 1, "--journal", journal)
    edit(talk, "calm gale")
    done = said(talk, "serve", "talk:Talk", "--no-open", "--port", "0", "--journal", journal)
    assert done.returncode == 1
    assert (
        "it is on chapter 2, 'storm', and this deck of 2 has no chapter of that title. --from N continues"
        in done.stderr
    )
    assert play(talk, state_home, 0, "--journal", journal, "--from", "2") == ("[2/2]", "gale")
    assert acted(talk) == ["calm", "storm", "gale"]


def test_a_fresh_show_begins_where_it_is_told_and_runs_nothing_before(talk: Path, state_home: Path) -> None:
    assert play(talk, state_home, 0, "--from", "3") == ("[3/4]", "wreck")
    assert acted(talk) == ["wreck"]
    assert play(talk, state_home, 0, "--from", "2") == ("[2/4]", "storm")
    assert acted(talk) == ["wreck"], "going back runs nothing"


def test_a_chapter_that_is_not_there_is_a_wrong_call(talk: Path) -> None:
    done = said(talk, "serve", "talk:Talk", "--no-open", "--port", "0", "--from", "9")
    assert done.returncode == 2
    assert "there is no chapter 9 to start at: talk:Talk has 1 to 4" in done.stderr
    assert said(talk, "run", "talk:Talk", "--from", "0").returncode == 2


def deck(titles: str) -> tuple[Chapter, ...]:
    return tuple(Chapter(title, title, hypothesis=f"{title}?") for title in titles.split())


def folded(own: str, *events: e.Event) -> ShowState:
    state = create_initial_state("talk", "talk", "", deck(own))
    for seq, event in enumerate(events, 1):
        state = apply(state, e.JournalEntry(seq, float(seq), "test", event))
    return state


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a b c", "a b c", {1: 1, 2: 2, 3: 3}),
        ("a b c", "c a", {1: 2, 3: 1}),
        ("a a b", "a b a", {1: 1, 2: 3, 3: 2}),
        ("a a", "a", {1: 1}),
        ("a", "b", {}),
    ],
)
def test_chapters_are_known_again_by_title_and_order(before: str, after: str, expected: dict[int, int]) -> None:
    assert map_chapter_numbers(before.split(), after.split()) == expected


def test_what_is_known_of_a_chapter_goes_with_it() -> None:
    before: Sequence[e.Event] = (
        e.ShowOpened("talk", ("a", "b", "c")),
        e.ChapterEntered(1, True, 1),
        e.ChapterEntered(2, True, 2),
        e.ActionStarted(2, 1, 2),
        e.ActionSucceeded(2, 1),
        e.Concluded(2, True, "as said"),
    )
    state = folded("b x c", *before)
    assert titles_of(state.chapters) == ("a", "b", "c"), "the journal tells of the deck before"
    state = folded("b x c", *before, e.DeckChanged(("b", "x", "c"), 1))
    assert (state.number, state.reached, state.total) == (1, 1, 3)
    assert state.chapters == deck("b x c")
    assert [action.run for action in state.actions] == [1, 0, 0]
    assert {number: verdict.text for number, verdict in state.verdicts.items()} == {1: "as said"}
    assert state.verdicts[1].by == 1
