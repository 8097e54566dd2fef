"""What the backend's timestamps prove: ghosts in windows shortened by ε, and drift by ids."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.subjects.ratelimiter.ground_truth import (
    SETTLE_US,
    SPAN_US,
    Arrival,
    find_drift,
    find_ghosts,
    ghosts_of_run,
    spread_of,
    window_counts,
)

SEC = 1_000_000
NOW = 1_700_000_000 * SEC


def arrivals(*pairs: tuple[float, float]) -> list[Arrival]:
    """(seconds before now, milliseconds it took to arrive), oldest first."""
    made = [
        Arrival(NOW - round(ago * SEC), NOW - round(ago * SEC) - round(ms * 1000), str(n))
        for n, (ago, ms) in enumerate(pairs)
    ]
    return sorted(made, key=lambda arrival: arrival.at)


@pytest.mark.parametrize(
    ("seen", "limit", "worst", "ghosts"),
    [
        ([], 2, 0, 0),
        ([(3, 0), (2.5, 0)], 2, 2, 0),
        ([(3, 0), (2.5, 0), (2.1, 0)], 2, 3, 1),
        ([(4, 0), (3, 0), (2, 0)], 1, 1, 0),
        ([(2.000001, 0), (2, 0), (1.000001, 0)], 2, 2, 0),
        ([(2, 0), (1.999, 0), (1.001, 0)], 2, 3, 1),
        ([(35, 0), (34.9, 0), (34.8, 0)], 2, 0, 0),
    ],
    ids=["nothing", "at the limit", "one over", "exactly a window apart", "edge", "just inside", "too long ago"],
)
def test_the_worst_window_of_one_second(seen: list[tuple[float, float]], limit: int, worst: int, ghosts: int) -> None:
    found = find_ghosts(arrivals(*seen), limit, SEC, NOW)
    assert (found.worst, found.ghosts) == (worst, ghosts)


def test_a_burst_that_only_the_delay_pressed_together_is_no_ghost() -> None:
    """Two admissions 1.05 s apart by the limiter's clock arrive 0.95 s apart."""
    late_then_prompt = arrivals((3.0, 100), (2.05, 0))
    assert find_ghosts(late_then_prompt, 1, SEC, NOW).ghosts == 0
    prompt_both = arrivals((3.0, 0), (2.05, 0))
    assert find_ghosts(prompt_both, 1, SEC, NOW).ghosts == 1


def test_the_spread_is_told_and_a_constant_delay_is_none() -> None:
    assert spread_of(arrivals((3, 500), (2, 500))) == 0
    assert find_ghosts(arrivals((3, 12), (2, 2)), 5, SEC, NOW).spread == 10_000


def test_a_spread_as_long_as_the_window_makes_ghosts_unmeasurable_not_zero() -> None:
    found = find_ghosts(arrivals((3, 1000), (2, 0)), 1, SEC, NOW)
    assert (found.worst, found.ghosts, found.admitted) == (None, None, None)


def test_ghosts_at_is_the_newest_moment_over_the_limit() -> None:
    found = find_ghosts(arrivals((9, 0), (8.9, 0), (5, 0), (4.9, 0), (1, 0)), 1, SEC, NOW)
    assert found.ghosts_at == NOW - round(4.9 * SEC)
    assert find_ghosts(arrivals((9, 0)), 1, SEC, NOW).ghosts_at is None


def test_admitted_is_of_now_while_worst_is_of_the_whole_span() -> None:
    found = find_ghosts(arrivals((20, 0), (19.9, 0), (19.8, 0), (0.5, 0)), 9, SEC, NOW)
    assert (found.admitted, found.worst) == (1, 3)


@given(
    times=st.lists(st.integers(0, 5_000), max_size=60),
    delays=st.lists(st.integers(0, 900), min_size=60, max_size=60),
    limit=st.integers(1, 5),
)
def test_an_exact_limiter_never_shows_a_ghost_whatever_the_delays(
    times: list[int], delays: list[int], limit: int
) -> None:
    window, decided = 1_000, _exact(sorted(times), limit, 1_000)
    seen = [Arrival(NOW - 10_000 + t + delay, NOW - 10_000 + t, "") for t, delay in zip(decided, delays, strict=False)]
    seen.sort(key=lambda arrival: arrival.at)
    assert not find_ghosts(seen, limit, window, NOW).ghosts


def _exact(times: Sequence[int], limit: int, window: int) -> list[int]:
    admitted: list[int] = []
    for now in times:
        if sum(now - window < t <= now for t in admitted) < limit:
            admitted.append(now)
    return admitted


@given(ats=st.lists(st.integers(0, 300), max_size=40), width=st.integers(1, 120))
def test_window_counts_agree_with_counting_by_hand(ats: list[int], width: int) -> None:
    seen = [Arrival(at, at, "") for at in sorted(ats)]
    by_hand = max((sum(end - width < a.at <= end for a in seen) for end in range(500)), default=0)
    assert max((count for _, count in window_counts(seen, width)), default=0) == by_hand


def test_drift_is_what_redis_does_not_hold() -> None:
    seen = arrivals((20, 0), (10, 0), (5, 0))
    for arrival in seen[:2]:
        arrival.held = True
    found = find_drift(seen, NOW)
    assert (found.admitted, found.counted, found.drift) == (3, 2, 1)
    assert found.drift_at == NOW - 5 * SEC


@pytest.mark.parametrize("ago", [0.0, SETTLE_US / SEC / 2, SPAN_US / SEC + 1], ids=["now", "not settled", "too old"])
def test_drift_leaves_out_what_is_on_its_way_or_long_ago(ago: float) -> None:
    found = find_drift(arrivals((ago, 0)), NOW)
    assert (found.admitted, found.drift, found.drift_at) == (0, 0, None)


@pytest.mark.parametrize(
    ("seen", "ghosts"),
    [
        ([], 0),
        ([(2.9, 0), (2.8, 0)], 0),
        ([(2.9, 0), (2.8, 0), (2.7, 0)], 1),
        ([(3.9, 0), (3.8, 0), (3.7, 0), (3.6, 0)], 0),
        ([(3.5, 0), (3.4, 0), (3.3, 0), (3.2, 0), (2.9, 0)], 1),
        ([(3.3, 0), (3.2, 0), (2.9, 0)], 1),
        ([(3.3, 0), (3.2, 0), (2.1, 0), (2.0, 0)], 0),
        ([(4.5, 900), (2.5, 0), (2.4, 0), (2.3, 0)], 1),
    ],
    ids=["none", "at the limit", "one over", "before", "after an excess", "places taken", "places free", "slow before"],
)
def test_the_ghosts_of_a_run_are_its_own(seen: list[tuple[float, float]], ghosts: int) -> None:
    """Two a second, and a run that began 3 s ago."""
    assert ghosts_of_run(arrivals(*seen), 2, SEC, NOW - 3 * SEC, NOW) == ghosts


def test_ghosts_of_a_run_are_not_measurable_when_the_delay_varies_as_much_as_the_window() -> None:
    assert ghosts_of_run(arrivals((2.9, 1000), (2, 0)), 1, SEC, NOW - 3 * SEC, NOW) is None


@given(times=st.lists(st.integers(0, 5_000), max_size=60), since=st.integers(0, 5_000), limit=st.integers(1, 5))
def test_a_run_is_blamed_for_no_more_than_the_wall_shows_and_an_exact_limiter_for_nothing(
    times: list[int], since: int, limit: int
) -> None:
    start = NOW - 10_000
    for admitted in (sorted(times), _exact(sorted(times), limit, 1_000)):
        seen = [Arrival(start + t, start + t, "") for t in admitted]
        of_run = ghosts_of_run(seen, limit, 1_000, start + since, NOW)
        of_all = find_ghosts(seen, limit, 1_000, NOW).ghosts
        assert of_run is not None
        assert of_all is not None
        assert 0 <= of_run <= of_all
    assert of_run == 0


def test_drift_since_a_moment_leaves_out_what_an_earlier_run_left() -> None:
    seen = arrivals((20, 0), (10, 0), (5, 0))
    assert find_drift(seen, NOW).drift == 3
    assert find_drift(seen, NOW, NOW - 10 * SEC).drift == 2
    assert find_drift(seen, NOW, NOW - 4 * SEC).drift == 0
