"""The show's clock: moments go on with the machine, whatever the wall clock is set to."""

import asyncio
import json
import time

import pytest

from demo.clock import CLOCK, ShowClock, as_clock, uptime
from demo.watchdog import process

NOON = 1_800_000_000.0
STEPS = [-3600.0, -3.0, 3.0, 3600.0]


class Machine:
    """Its two clocks: `passes` moves both on, `is_set` only the date."""

    def __init__(self) -> None:
        self.up, self.date = 5000.0, NOON
        self.clock = self.started()

    def started(self, boot: str = "this run") -> ShowClock:
        return ShowClock(lambda: self.up, lambda: self.date, boot)

    def passes(self, seconds: float) -> None:
        for _ in range(max(1, round(seconds * 10))):
            self.up += seconds / max(1, round(seconds * 10))
            self.date += seconds / max(1, round(seconds * 10))
            self.clock.check_wall_clock()

    def is_set(self, by: float) -> None:
        self.date += by


@pytest.mark.parametrize("by", STEPS)
def test_moments_go_on_evenly_through_a_step_of_the_wall_clock(by: float) -> None:
    machine = Machine()
    before = machine.clock.now()
    machine.passes(2)
    machine.is_set(by)
    machine.passes(3)
    assert machine.clock.now() - before == pytest.approx(5)


@pytest.mark.parametrize("by", STEPS)
def test_what_is_dated_is_dated_as_the_wall_clock_counts_now(by: float) -> None:
    machine = Machine()
    moment = machine.clock.now()
    machine.passes(2)
    machine.is_set(by)
    machine.passes(1)
    assert machine.clock.wall(moment) == pytest.approx(machine.date - 3)


@pytest.mark.parametrize("by", STEPS)
@pytest.mark.parametrize("age", [0.0, 0.3, 40.0])
def test_a_date_of_before_a_step_is_read_as_the_moment_it_was_written(by: float, age: float) -> None:
    machine = Machine()
    machine.passes(100)
    dated, moment = machine.date, machine.clock.now()
    machine.passes(age)
    machine.is_set(by)
    machine.passes(0.2)
    expected = machine.clock.now() if age < 3 and by == -3.0 else moment
    assert moment - 0.01 <= machine.clock.moment_of(dated) <= expected + 0.01


@pytest.mark.parametrize("by", STEPS)
def test_a_date_of_after_a_step_is_read_as_the_moment_it_was_written(by: float) -> None:
    machine = Machine()
    machine.passes(100)
    machine.is_set(by)
    machine.passes(0.1)
    dated, moment = machine.date, machine.clock.now()
    machine.passes(60)
    assert machine.clock.moment_of(dated) == pytest.approx(moment)


@pytest.mark.parametrize("by", STEPS)
def test_what_was_old_already_does_not_get_young_by_a_step(by: float) -> None:
    machine = Machine()
    machine.passes(100)
    machine.is_set(by)
    machine.passes(20)
    assert machine.clock.moment_of(machine.date - 10) == pytest.approx(machine.clock.now() - 10)


def test_a_date_to_come_is_of_now() -> None:
    machine = Machine()
    assert machine.clock.moment_of(machine.date + 3600) == machine.clock.now()


def test_a_clock_that_is_only_steered_is_followed_and_dates_stay_the_same_text() -> None:
    machine = Machine()
    moment = machine.clock.now()
    texts = set()
    for _ in range(100):
        machine.passes(1)
        machine.date += 0.0005
        texts.add(machine.clock.wall(moment))
    assert len(texts) <= 3
    assert machine.clock.wall(machine.clock.now()) == pytest.approx(machine.date, abs=0.03)


def test_a_machine_that_was_busy_between_two_looks_at_its_clocks_is_not_taken_for_one_that_was_set() -> None:
    up, reads = [100.0], [0]

    def date() -> float:
        reads[0] += 1
        if reads[0] == 3:
            up[0] += 5  # stopped by somebody, for as long as that
        return NOON + up[0]

    clock = ShowClock(lambda: up[0], date, "")
    for _ in range(5):
        clock.check_wall_clock()
    assert clock.ahead == pytest.approx(0, abs=0.001)


@pytest.mark.parametrize("by", STEPS)
def test_a_restart_in_the_same_run_of_the_machine_goes_on_exactly_whatever_the_date_was_set_to(by: float) -> None:
    machine = Machine()
    newest, boot, anchor = machine.clock.now(), machine.clock.boot, machine.clock.anchor
    machine.passes(7)
    machine.is_set(by)
    again = machine.started()
    again.resume(boot, anchor, newest)
    assert again.now() - newest == pytest.approx(7)
    assert again.wall(newest) == pytest.approx(machine.date - 7)


def test_after_a_restart_of_the_machine_the_date_tells_how_long_it_was_away() -> None:
    machine = Machine()
    newest, boot, anchor = machine.clock.now(), machine.clock.boot, machine.clock.anchor
    machine.up, machine.date = 20.0, machine.date + 600
    again = machine.started("another run")
    again.resume(boot, anchor, newest)
    assert again.now() - newest == pytest.approx(600)


def test_time_never_runs_back_against_what_was_kept() -> None:
    machine = Machine()
    newest, boot, anchor = machine.clock.now(), machine.clock.boot, machine.clock.anchor
    machine.up, machine.date = 20.0, machine.date - 3600
    again = machine.started("another run")
    again.resume(boot, anchor, newest)
    assert again.now() == pytest.approx(newest)
    machine.up += 5
    assert again.now() == pytest.approx(newest + 5)


def test_a_journal_of_before_tells_no_run_of_the_machine_and_is_continued_by_its_dates() -> None:
    machine = Machine()
    machine.clock.resume("", 0.0, NOON - 60)
    assert machine.clock.now() == pytest.approx(NOON)


@pytest.mark.anyio
async def test_who_waits_for_a_moment_is_woken_soon_when_the_machine_slept_beyond_it() -> None:
    slept = [0.0]
    clock = ShowClock(lambda: uptime() + slept[0], time.time)
    waiting = asyncio.create_task(clock.sleep(600))
    await asyncio.sleep(0.05)
    slept[0] = 3600
    began = uptime()
    await asyncio.wait_for(waiting, 5)
    assert uptime() - began < 2


def test_any_function_that_tells_seconds_is_a_clock_and_none_is_this_process_s() -> None:
    assert as_clock(None) is CLOCK
    assert as_clock(lambda: 12.5).now() == 12.5
    assert as_clock(lambda: 12.5).ahead == 0


def test_the_watchdog_counts_a_sleep_of_the_machine_for_a_fault_s_time_and_not_for_a_server_s_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept, silent = [0.0], [0.0]
    begun: list[object] = []

    def work(*given: object, **more: object) -> object:
        begun.append(given)
        return given

    ticks = time.monotonic
    monkeypatch.setattr(process, "uptime", lambda: uptime() + slept[0] + silent[0])
    monkeypatch.setattr(time, "monotonic", lambda: ticks() + silent[0])
    monkeypatch.setattr(process, "HealAttempt", work)
    monkeypatch.setattr(process, "send_message", lambda word: None)
    kept = process.WatchdogProcess({"max_silence_sec": 60.0})
    order = {"hold": "a", "fault": "off", "lasts": 600.0, "applied": True, "plan": {"late_sec": 0.0}}
    kept.handle_message(json.dumps(order).encode())
    slept[0] = 3600.0
    kept.start_attempts()
    assert begun == [], "the server has woken too, and heals it"
    silent[0] = process.HUNG_SEC + 1
    kept.start_attempts()
    assert len(begun) == 1, "it hangs: what is due is not left to it"
