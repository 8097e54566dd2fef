"""Show files with one fault each, and what is said about it: read a new one as a stranger would."""

from pathlib import Path

import pytest

from demo.cli.show_files import as_lines, check

DECKS = sorted(Path(__file__).with_name("bad").glob("*.md"))


@pytest.mark.parametrize("deck", DECKS, ids=lambda deck: deck.stem)
def test_what_is_wrong_is_said_with_its_place(deck: Path) -> None:
    show, problems = check(deck)
    assert show is None
    lines = [line.removeprefix(f"{deck.parent}/") for line in as_lines(deck, show, problems)]
    errors = sum(problem.severity == "error" for problem in problems)
    assert "\n".join(lines[:-1]) + "\n" == deck.with_suffix(".txt").read_text()
    assert (errors, lines[-1]) == (1, f"{deck.name}: 1 error"), "one fault is one error"


def test_there_are_ten_and_each_has_its_text() -> None:
    texts = sorted(path.stem for path in Path(__file__).with_name("bad").glob("*.txt"))
    assert texts == sorted(deck.stem for deck in DECKS)
    assert len(DECKS) >= 10
