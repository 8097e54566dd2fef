"""The schedule: even, without drift, and without a burst after a pause."""

import pytest

from demo.load.arrivals import MAX_LATE_SEC, Arrivals


def arrivals(rate: float, now: float = 100.0) -> Arrivals:
    schedule = Arrivals()
    schedule.set_rate(rate, now)
    return schedule


def test_every_moment_is_a_multiple_of_the_interval_however_late_it_is_looked_at() -> None:
    schedule = arrivals(1000 / 3)
    now = 100.0
    taken: list[float] = []
    for step in (0.0011, 0.05, 0.0001, 0.15, 0.007) * 20:
        now += step
        due = schedule.take(now)
        assert due.missed == 0
        assert all(moment <= now + 1e-9 for moment in due.moments)
        taken += due.moments
    assert taken == pytest.approx([100 + (number + 1) * 0.003 for number in range(len(taken))])
    assert len(taken) in (int((now - 100) / 0.003), int((now - 100) / 0.003) + 1)


def test_what_is_announced_next_is_due_at_that_very_moment() -> None:
    for rate in (0.3, 7.0, 49.0, 999.0, 1000.0, 3333.3):
        schedule = arrivals(rate, 86_400.123)
        for _ in range(300):
            moment = schedule.next_at
            assert moment is not None
            assert schedule.take(moment).moments == (moment,)
            assert schedule.take(moment).moments == ()


def test_after_a_pause_only_the_newest_are_sent_and_the_others_are_counted() -> None:
    schedule = arrivals(100)
    due = schedule.take(110.0)
    assert len(due.moments) + due.missed == 1000
    assert len(due.moments) == pytest.approx(100 * MAX_LATE_SEC, abs=1)
    assert min(due.moments) >= 110 - MAX_LATE_SEC - 1e-6


def test_another_rate_begins_now_and_none_at_all_stops() -> None:
    schedule = arrivals(10)
    assert len(schedule.take(100.25).moments) == 2
    schedule.set_rate(100, 101.05)
    assert schedule.next_at == pytest.approx(101.06)
    schedule.set_rate(0, 101.1)
    assert schedule.next_at is None
    assert schedule.take(200.0).moments == ()
    assert schedule.take(200.0).missed == 0
