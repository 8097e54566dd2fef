"""What somebody does is shown at once, and so is what breaks; numbers four times a second, the newest of them."""

import asyncio
import itertools
import time
from dataclasses import replace

import pytest

from demo.show import ShowState
from demo.show import commands as c
from demo.web.streaming.update_rate import CALM_EVERY_SEC, NUMBERS_EVERY_SEC, UpdateRate, brings_only_numbers
from tests.support.show_player import Player, player

pytestmark = pytest.mark.anyio


class Screen:
    def __init__(self) -> None:
        self.shown: list[tuple[float, ShowState]] = []

    def publish(self, state: ShowState) -> None:
        self.shown.append((time.monotonic(), state))

    @property
    def newest(self) -> ShowState:
        return self.shown[-1][1]


def seen(show: Player, up: bool = True) -> ShowState:
    show.record_sample(up=up)
    return show.state


@pytest.mark.parametrize(("is_busy", "every_sec"), [(True, NUMBERS_EVERY_SEC), (False, CALM_EVERY_SEC)])
async def test_numbers_come_in_their_time_and_the_newest_is_never_left_out(is_busy: bool, every_sec: float) -> None:
    show, screen = player(), Screen()
    seen(show)
    if is_busy:
        show.play(c.StartCountdown(1, 60.0))
    pace = UpdateRate(screen.publish, seen(show))
    begun = time.monotonic()
    while time.monotonic() - begun < every_sec * 4.5:
        pace.publish(seen(show))
        await asyncio.sleep(0.01)
    async with asyncio.timeout(2):
        while screen.newest is not show.state:  # noqa: ASYNC110 - a screen tells nobody
            await asyncio.sleep(0.01)
    times = [at for at, _ in screen.shown]
    assert len(times) >= 4
    assert min(later - at for at, later in itertools.pairwise(times)) > every_sec * 0.95


async def test_what_somebody_does_waits_for_nothing_and_brings_the_numbers_along() -> None:
    show, screen = player(), Screen()
    pace = UpdateRate(screen.publish, seen(show))
    pace.publish(seen(show))
    pace.publish(seen(show))
    assert len(screen.shown) == 1
    show.play(c.Say("now"))
    pace.publish(show.state)
    assert screen.newest is show.state
    await asyncio.sleep(NUMBERS_EVERY_SEC * 1.5)
    assert len(screen.shown) == 2, "what waited was shown with it"


async def test_a_part_that_breaks_waits_for_nothing() -> None:
    show, screen = player(), Screen()
    pace = UpdateRate(screen.publish, seen(show))
    pace.publish(seen(show))
    pace.publish(seen(show, up=False))
    assert screen.newest is show.state
    pace.publish(seen(show, up=False))
    assert screen.newest is not show.state
    pace.close()


def test_only_a_sample_alone_is_mere_numbers() -> None:
    show = player()
    before = seen(show)
    after = seen(show)
    assert brings_only_numbers(before, after)
    assert not brings_only_numbers(before, replace(after, said="a word"))
    assert not brings_only_numbers(before, replace(after, freshness="stale"))
    assert not brings_only_numbers(replace(before, sample=None), after)


async def test_what_is_shown_again_is_no_number_ahead_of_its_time() -> None:
    show, screen = player(), Screen()
    pace = UpdateRate(screen.publish, seen(show))
    pace.publish(first := seen(show))
    pace.publish(second := seen(show))
    pace.republish()
    assert [state for _, state in screen.shown] == [first, first]
    await asyncio.sleep(CALM_EVERY_SEC * 1.5)
    assert screen.newest is second
