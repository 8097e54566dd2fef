"""Each part is looked at on a beat of its own, and at once when something has happened to it."""

import asyncio
import time
from collections.abc import Callable

import pytest

from demo.probes.periodic import NOTHING_YET, Pulse
from demo.probes.result import Reading
from demo.subjects.cluster.poller import ClusterPoller

pytestmark = pytest.mark.anyio


async def until(condition: Callable[[], bool], limit: float = 5.0) -> None:
    async with asyncio.timeout(limit):
        while not condition():  # noqa: ASYNC110 - conditions of all kinds
            await asyncio.sleep(0.005)


class Looking:
    """A probe that counts, and may take its time."""

    def __init__(self, takes_sec: float = 0.0) -> None:
        self.begun = 0
        self.ended = 0
        self.takes_sec = takes_sec
        self.reading = Reading({"n": 1})

    async def look(self) -> Reading:
        self.begun += 1
        await asyncio.sleep(self.takes_sec)
        self.ended += 1
        return self.reading


async def test_a_part_that_answers_slowly_holds_up_no_other() -> None:
    slow, quick = Looking(takes_sec=60.0), Looking()
    pulses = [Pulse(slow.look, 0.02, lambda: None), Pulse(quick.look, 0.02, lambda: None)]
    tasks = [asyncio.create_task(pulse.run()) for pulse in pulses]
    try:
        await until(lambda: quick.ended >= 20)
        assert (slow.begun, slow.ended) == (1, 0)
        assert pulses[0].reading is NOTHING_YET
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_it_looks_at_once_when_it_is_hurried_and_tells_after_each_look() -> None:
    looking, told = Looking(), list[float]()
    pulse = Pulse(looking.look, 60.0, lambda: told.append(time.monotonic()))
    task = asyncio.create_task(pulse.run())
    try:
        await until(lambda: len(told) == 1)
        assert pulse.reading.ok
        worked = pulse.worked_at
        looking.reading = Reading(trouble="connection refused")
        pulse.hurry()
        await until(lambda: len(told) == 2)
        assert pulse.reading.trouble == "connection refused"
        assert pulse.at > worked == pulse.worked_at
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_poller_that_has_failed_looks_again_when_it_is_run_again() -> None:
    looking, broken = Looking(), [True]

    def picture(now: float) -> dict[str, object]:
        if broken[0]:
            raise ValueError("a bug")
        return {"nodes": []}

    poller = ClusterPoller(picture)
    poller.follow([Pulse(looking.look, 0.02, poller.check_for_changes)])
    with pytest.raises(ValueError, match="a bug"):
        await poller.run()
    broken[0] = False
    task = asyncio.create_task(poller.run())
    try:
        begun = looking.begun
        await until(lambda: looking.begun > begun + 2 and poller.get_health() is not None)
    finally:
        task.cancel()
        await asyncio.wait([task])
