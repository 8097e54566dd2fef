"""What a show says of the numbered writes of a load: conditions, cards, and verdicts that wait until all was read."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from demo.clock import CLOCK
from demo.conditions import Condition, Facts, Quantity, parse
from demo.load.book.book import Counts
from demo.load.book.marks import Anomalies
from demo.load.book.sender import BookState
from demo.showfile import predictions
from demo.showfile.board import ProbeBoard
from demo.showfile.books import BOOK_PREFIX, add_book, book_fact, describe_book
from demo.showfile.drivers.substitution import fill, from_values
from demo.showfile.loads import LoadFacts, ShowLoads
from demo.showfile.predictions import PredictionWatch
from demo.showfile.probing.kinds import Sources, open_session
from demo.showfile.schema.system import LoadSettings
from tests.load.book.test_http import serving_orders
from tests.load.loaded import until
from tests.showfile.checked_shows import load, show_text
from tests.showfile.test_predictions import INJECTED, NEXT, Followed, injected_now
from tests.support.relays import RedisServer, redis_server

pytestmark = pytest.mark.anyio

WELL = BookState(Counts(583, 580, 0, 3, Anomalies(landed=1), Anomalies()), is_known=True, trouble="")
LOST = replace(WELL, counts=replace(WELL.counts, wrong=Anomalies(lost=12), wrong_before=Anomalies(duplicate=2)))
UNREAD = replace(LOST, is_known=False, trouble="connection refused")


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (WELL, "580 confirmed, 0 lost, 3 ambiguous (1 found)"),
        (LOST, "580 confirmed, 12 lost, 3 ambiguous"),
        (UNREAD, "580 confirmed, not read again: connection refused, 3 ambiguous"),
    ],
)
def test_a_book_is_told_in_a_few_words(state: BookState, text: str) -> None:
    assert describe_book(state) == text


def test_what_cannot_be_read_is_unknown_and_what_was_sent_is_not() -> None:
    assert book_fact(LOST, "lost") == Quantity(12.0)
    assert book_fact(UNREAD, "lost") is None
    assert book_fact(UNREAD, "landed") is None
    assert book_fact(UNREAD, "confirmed") == Quantity(580.0)


def test_a_card_says_what_is_lost_and_keeps_the_state_of_the_requests() -> None:
    card: dict[str, Any] = {"health": "up", "detail": "", "metrics": {"/s": 20.0}}
    assert add_book(card, LOST) == {
        "health": "up",
        "detail": "12 confirmed writes lost · 2 there twice before",
        "metrics": {"/s": 20.0, "confirmed": 580, "lost": 12, "ambiguous": 3},
    }
    unread = add_book(card, UNREAD)
    assert "lost" not in unread["metrics"]
    assert unread["detail"].startswith("what it wrote cannot be read again: connection refused")


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server() as found:
        yield found


@asynccontextmanager
async def sending(redis: RedisServer) -> AsyncIterator[tuple[ShowLoads, LoadFacts]]:
    settings = {"redis": redis.url, "rate": "50/s", "timeout": "20s"}
    read = {
        "orders": LoadSettings.model_validate({**settings, "book": "true"}),
        "other": LoadSettings.model_validate(settings),
    }
    loads = ShowLoads(read, lambda text: text, lambda: None, "a show")
    session = open_session()
    facts = LoadFacts(ProbeBoard({}, Sources(lambda: session)), loads)
    await session.close()
    loads.start()
    try:
        yield loads, facts
    finally:
        await loads.stop()


@pytest.mark.system
async def test_a_fault_begins_to_count_anew_and_its_end_lets_all_be_read_again(redis: RedisServer) -> None:
    async with sending(redis) as (loads, facts):
        lost = parse("book.lost == 0 and orders.book.lost == 0 and lost == 0")
        assert lost.truth(facts) is None
        await until(lambda: lost.truth(facts) is True and parse("book.confirmed > 20").truth(facts) is True)
        assert facts.books_in(lost) == {"orders"}
        assert facts.books_in(parse("orders.rate < 1% and other.count > 3")) == frozenset()
        assert facts.value(("other", "book", "lost")) is None
        (key,) = redis.client.scan_iter("demo:book:*:0")
        redis.client.lpop(key)
        await until(lambda: parse("book.lost == 1").truth(facts) is True)
        cards = {node["id"]: node for node in loads.sample({})["nodes"]}
        assert cards["orders"]["metrics"]["lost"] == 1
        assert "confirmed" not in cards["other"]["metrics"]
        loads.measure_since(CLOCK.now())
        assert parse("book.lost == 0").truth(facts) is True
        loads.measure_since(CLOCK.now())  # another fault while the first is in place
        redis.client.lpop(key)
        await until(lambda: parse("book.lost == 1").truth(facts) is True)
        loads.measure_since(None)
        assert lost.truth(facts) is None
        await until(lambda: parse("book.lost == 1").truth(facts) is True)
    assert list(redis.client.scan_iter("demo:book:*")) == []


@pytest.mark.system
async def test_an_edited_load_begins_a_new_book_and_removes_the_old_one(redis: RedisServer) -> None:
    async with sending(redis) as (loads, facts):
        known = parse("book.lost == 0 and book.confirmed > 20")
        await until(lambda: known.truth(facts) is True)
        (before,) = redis.client.scan_iter("demo:book:*:0")
        settings = {"redis": redis.url, "rate": "50/s", "timeout": "10s", "book": "true"}
        await loads.adopt({"orders": LoadSettings.model_validate(settings)})
        assert parse("book.confirmed < 20").truth(facts) is True
        await until(lambda: known.truth(facts) is True)
        (now,) = redis.client.scan_iter("demo:book:*:0")
        assert now != before


async def test_numbers_are_filled_in_beside_secrets() -> None:
    settings = {
        "http": "${n}?key=${key}",
        "read": "?from=${from}&to=${to}&key=${key}",
        "method": "PUT",
        "body": "${n} of ${key}",
        "headers": {"Authorization": "Bearer ${key}"},
        "rate": "50/s",
        "timeout": "20s",
        "book": "true",
    }
    async with serving_orders() as orders:
        settings["http"] = orders.url(f"/orders/{settings['http']}")
        settings["read"] = orders.url(f"/orders{settings['read']}")
        loads = ShowLoads(
            {"orders": LoadSettings.model_validate(settings)},
            lambda text: fill(text, from_values({"key": "hunter2"})),
            lambda: None,
        )
        loads.start()
        await until(lambda: loads.value("orders", "book.lost") == Quantity(0.0) and len(orders.numbers) > 5)
        await loads.stop()
    assert orders.bodies[1] == f"PUT text/plain {orders.numbers[1]} of hunter2"
    assert orders.asked[-1].endswith("&key=hunter2")
    assert sorted(orders.numbers)[:3] == [1, 2, 3]


@dataclass
class BookSource:
    """The facts of one book, whose state a test says."""

    state: BookState = UNREAD
    asked: int = 0
    looked: list[str] = field(default_factory=list)

    @property
    def facts(self) -> Facts:
        return self

    def value(self, path: tuple[str, ...]) -> Any:
        return book_fact(self.state, ".".join(path).removeprefix(BOOK_PREFIX))

    def nodes(self, name: str) -> None:
        return None

    def ask_books(self, condition: Condition) -> bool:
        self.asked += 1
        return True

    def books_of(self, condition: Condition) -> Sequence[BookState]:
        return (self.state,)

    async def wait_for_change(self) -> None:
        raise AssertionError("nobody waits here")

    def mask(self, text: str) -> str:
        return text


class Judged:
    """A prediction about a book, whose chapter was left while its fault was in place."""

    def __init__(self, expect: str, check: str = "") -> None:
        front = "load:\n  orders: {redis: 'redis://h', rate: 1/s, book: true}\n"
        show, problems = load(show_text(front, f"hypothesis: It keeps all\nexpect: {expect}\n{check}"))
        assert show is not None, problems
        self.source, self.followed = BookSource(), Followed()
        self.watch = PredictionWatch(show.chapters, self.source)
        self.watch.follow(self.followed)
        self.followed.becomes(injected_now(INJECTED))

    def look(self) -> list[tuple[bool | None, str]]:
        self.watch._look()
        return self.followed.verdicts


async def test_a_verdict_waits_until_all_was_read_again() -> None:
    judged = Judged("book.lost == 0")
    judged.followed.becomes(NEXT)
    assert judged.look() == []
    assert judged.source.asked == 1
    judged.source.state = WELL
    assert judged.look() == [(True, "book.lost = 0: 580 confirmed, 0 lost, 3 ambiguous (1 found).")]
    assert judged.look() == judged.followed.verdicts[:1]


async def test_what_is_lost_refutes_it_as_soon_as_it_is_known() -> None:
    judged = Judged("book.lost == 0")
    judged.source.state = LOST
    assert judged.look() == [(False, "book.lost = 12, not 0: 580 confirmed, 12 lost, 3 ambiguous.")]


async def test_a_loss_is_predicted_by_one_look_at_the_end() -> None:
    judged = Judged("book.lost > 0", "check: after\n")
    judged.source.state = WELL
    assert judged.look() == []
    judged.followed.becomes(NEXT)
    judged.source.state = LOST
    assert judged.look() == [(True, "book.lost = 12, above 0: 580 confirmed, 12 lost, 3 ambiguous.")]


async def test_what_cannot_be_read_in_time_proves_nothing_even_if_it_was_well_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(predictions, "BOOK_TIMEOUT_SEC", 0.0)
    judged = Judged("book.lost == 0")
    judged.source.state = WELL
    assert judged.look() == []
    judged.source.state = UNREAD
    judged.followed.becomes(NEXT)
    unread = (
        "What was confirmed could not be read again: 580 confirmed, not read again: connection refused, 3 ambiguous."
    )
    assert judged.look() == [(None, unread)]


async def test_a_prediction_that_still_waits_is_judged_before_another_fault_is_counted() -> None:
    judged = Judged("book.lost == 0")
    judged.followed.becomes(NEXT)
    judged.source.state = WELL
    judged.followed.becomes(injected_now(NEXT.with_fault("gone", run=2, state="active")))
    assert [held for held, _ in judged.followed.verdicts] == [True]
