"""Durations as the audience reads them."""

import pytest

from demo.show.durations import in_tenths


@pytest.mark.parametrize(
    ("sec", "words"),
    [(0.0, "less than 0.1 s"), (0.049, "less than 0.1 s"), (0.05, "0.1 s"), (0.06, "0.1 s"), (12.34, "12.3 s")],
)
def test_what_was_measured_never_reads_as_no_time_at_all(sec: float, words: str) -> None:
    assert in_tenths(sec) == words
