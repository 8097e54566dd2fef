"""The books of the load: what was confirmed must be read again, and a store that cheats is found out."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import pytest

from demo.subjects.cluster.canary import Canary
from demo.subjects.cluster.kv_store import NotDone
from demo.subjects.cluster.workload import Workload

pytestmark = pytest.mark.anyio


class Shelf:
    """A store in memory, which may be told to misbehave."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.failing = self.forgetting = self.doubtful = False

    def turn_to(self, endpoints: Sequence[str]) -> None:
        """Nowhere to turn to."""

    def status(self) -> Mapping[str, Any]:
        return {}

    async def canary_keys(self) -> Sequence[str]:
        return ("canary",)

    async def put(self, key: str, value: bytes, within_sec: float) -> bool:
        await asyncio.sleep(0)
        if self.failing:
            raise NotDone("election")
        if not self.forgetting:
            self.kept[key] = value
        return not self.doubtful

    async def get(self, key: str, within_sec: float) -> bytes | None:
        await asyncio.sleep(0)
        if self.failing:
            raise NotDone("unreachable")
        return self.kept.get(key)

    async def close(self) -> None:
        """Nothing is open."""


async def until(condition: Callable[[], bool], limit: float = 10.0) -> None:
    async with asyncio.timeout(limit):
        while not condition():  # noqa: ASYNC110 - conditions of all kinds
            await asyncio.sleep(0.01)


async def working(workload: Workload, then: Callable[[], Awaitable[None]]) -> None:
    task = asyncio.create_task(workload.run())
    try:
        await then()
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_everything_that_was_confirmed_is_found_again() -> None:
    workload = Workload(Shelf(), "test", 2000)
    await working(workload, lambda: until(lambda: workload.books.confirmed > 300))
    found = await workload.verify()
    assert found["keys"] > 100
    assert (found["missing"], found["unread"], workload.books.missing) == (0, 0, 0)


async def test_a_store_that_forgets_what_it_confirmed_is_found_out() -> None:
    shelf = Shelf()
    workload = Workload(shelf, "test", 2000)

    async def cheat() -> None:
        await until(lambda: workload.books.confirmed > 300)
        shelf.forgetting = True
        before = workload.books.confirmed
        await until(lambda: workload.books.confirmed > before + 300 and workload.books.missing > 0)

    await working(workload, cheat)
    assert (await workload.verify())["missing"] > 0


async def test_a_write_of_unknown_outcome_closes_its_key_and_what_was_confirmed_there_still_counts() -> None:
    shelf = Shelf()
    workload = Workload(shelf, "test", 2000)

    async def fail() -> None:
        await until(lambda: workload.books.confirmed > 300)
        shelf.failing = True
        await until(lambda: len(workload.books.closed) > 20)

    await working(workload, fail)
    shelf.failing = False
    key, number = workload.books.closed[0]
    shelf.kept[key] = b"%d" % (number + 1)  # it was made after all, late
    assert (await workload.verify())["missing"] == 0
    shelf.kept[key] = b"%d" % (number - 1)
    assert (await workload.verify())["missing"] == 1
    shelf.failing = True
    found = await workload.verify()
    assert found["unread"] == found["keys"] > 100


async def test_a_write_that_may_be_made_twice_closes_its_key_too() -> None:
    shelf = Shelf()
    shelf.doubtful = True
    workload = Workload(shelf, "test", 2000)
    await working(workload, lambda: until(lambda: workload.books.confirmed > 50))
    assert len(workload.books.closed) == workload.books.confirmed
    assert all(slot.confirmed == 0 for slot in workload.books.slots)


async def test_a_key_that_is_not_remembered_any_more_is_counted_as_not_read() -> None:
    books = Workload(Shelf(), "test").books
    books.closed = deque(maxlen=3)
    for slot in books.slots[:5]:
        slot.confirmed = 1
        books.close(slot)
    assert (len(books.expected()), books.dropped) == (3, 2)
    workload = Workload(Shelf(), "test")
    workload.books = books
    found = await workload.verify()
    assert (found["keys"], found["unread"]) == (5, 2)


async def test_no_rate_is_no_load_and_an_order_counts_at_once() -> None:
    workload = Workload(Shelf(), "test")

    async def order() -> None:
        await until(lambda: True)
        assert workload.recent.totals["ok"] == 0
        workload.set_rate(1000)
        await until(lambda: workload.recent.totals["ok"] > 20)

    await working(workload, order)


async def test_the_canary_tells_since_when_nothing_is_confirmed_and_why() -> None:
    shelf = Shelf()
    canary = Canary(shelf)
    task = asyncio.create_task(canary.run())
    try:
        await until(lambda: bool(canary.as_dict()["takes_writes"]))
        began = canary.as_dict()["last_at"]
        shelf.failing = True
        await until(lambda: canary.as_dict()["down_since"] is not None)
        told = canary.as_dict()
        assert told["takes_writes"] is False
        assert told["reason"] == "election"
        assert told["down_since"] >= began
        shelf.failing = False
        await until(lambda: bool(canary.as_dict()["takes_writes"]))
        gap = canary.longest(told["down_since"])
        assert gap is not None
        assert gap["began_at"] == told["down_since"]
        assert gap["sec"] > 0.5
    finally:
        task.cancel()
        await asyncio.wait([task])
