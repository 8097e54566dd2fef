"""`scripts/figures`: what cannot be measured is said in its table, and does not cost the rest."""

from collections.abc import Iterator

import pytest

from bench.figures import tell


def breaks() -> Iterator[str]:
    yield "| one | 1 s | 2 s |"
    raise TimeoutError("no end in sight\nand more")


def lacks() -> Iterator[str]:
    yield from ()
    pytest.skip("NOT TRIED: no engine")


def test_a_part_that_breaks_is_said_behind_what_it_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert not tell("kill", breaks)
    assert capsys.readouterr().out.splitlines() == [
        "| one | 1 s | 2 s |",
        "| **kill was not measured to its end**: TimeoutError: no end in sight | – | – |",
    ]


def test_a_part_that_cannot_be_tried_here_is_said_and_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert tell("cluster", lacks)
    assert capsys.readouterr().out == "| **cluster was not measured**: NOT TRIED: no engine | – | – |\n"
