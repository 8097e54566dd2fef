"""The clock of a replay."""

from demo.evidence.replay_clock import ReplayClock


class Ticks:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def test_it_stands_runs_at_its_pace_and_never_beyond_the_next_entry() -> None:
    ticks = Ticks()
    clock = ReplayClock(1000.0, ticks)
    ticks.now += 5
    assert clock() == 1000.0
    clock.limit = 1007.0
    clock.run(2.0)
    ticks.now += 3
    assert clock() == 1006.0
    ticks.now += 3
    assert clock() == 1007.0
    clock.limit = 1100.0
    clock.stand()
    assert clock() == 1013.0 - 1.0
    ticks.now += 60
    assert clock() == 1012.0


def test_it_goes_back_and_dates_are_those_of_the_recording() -> None:
    ticks = Ticks()
    clock = ReplayClock(1_000_000.0, ticks)
    clock.limit = 1_000_100.0
    clock.run(20.0)
    ticks.now += 2
    clock.jump(999_000.0)
    ticks.now += 2
    assert clock() == 999_000.0
    assert clock.wall(999_000.0) == 999_000.0
    assert clock.ahead == 0.0
