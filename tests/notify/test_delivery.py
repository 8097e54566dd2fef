"""Deliveries to real servers that answer, fail, hang, break off and are gone."""

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from demo.notify import delivery as module
from demo.notify.delivery import Delivery
from demo.notify.http_client import HttpClient, outcome_of
from demo.processes.ports import free_ports
from tests.support.certificates import self_signed
from tests.support.http_receiver import HttpReceiver, Reply, receiving

pytestmark = pytest.mark.anyio

SOON = 10.0


@dataclass
class Told:
    """A delivery of texts to one URL, and what it has said."""

    delivery: Delivery[str]
    said: list[tuple[str, bool]] = field(default_factory=list)


@asynccontextmanager
async def delivering(url: str, timeout_sec: float = 5.0) -> AsyncIterator[Told]:
    client = HttpClient(time.time, timeout_sec)

    async def send(text: str) -> module.DeliveryResult:
        return outcome_of(await client.request("POST", url, {}, text.encode()))

    said: list[tuple[str, bool]] = []
    delivery = Delivery("webhook-1", "http://x/…", send, lambda text, is_error: said.append((text, is_error)))
    task = asyncio.create_task(delivery.run())
    try:
        yield Told(delivery, said)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not condition():  # noqa: ASYNC110 - what is waited for says nothing
            await asyncio.sleep(0.01)


def bodies(receiver: HttpReceiver) -> list[str]:
    return [request.body.decode() for request in receiver.received]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_SEC", 0.05)
    random.seed(1)


async def test_messages_arrive_once_and_in_order_though_some_attempts_fail() -> None:
    replies = [Reply(503), Reply(), Reply(resets=True), Reply(500), Reply(429)]
    with receiving(*replies) as receiver:
        async with delivering(receiver.url) as told:
            for text in "abc":
                told.delivery.put(text)
            await until(lambda: told.delivery.counts["delivered"] == 3)
        assert bodies(receiver) == list("aabbbbc")
        assert told.delivery.counts == {"delivered": 3, "retried": 4, "dropped": 0}


async def test_one_failed_attempt_is_not_worth_a_word_a_lasting_one_is_said_once_and_its_end_too() -> None:
    with receiving(Reply(503), Reply(), *[Reply(503)] * 4) as receiver:
        async with delivering(receiver.url) as told:
            told.delivery.put("a")
            await until(lambda: told.delivery.counts["delivered"] == 1)
            assert told.said == []
            told.delivery.put("b")
            await until(lambda: told.delivery.counts["delivered"] == 2)
        assert told.said == [
            ("webhook-1 (http://x/…) fails: it answers 503; it is tried again", True),
            ("webhook-1 (http://x/…) works again", False),
        ]


async def test_a_receiver_that_fails_now_and_then_is_said_at_most_once_a_minute() -> None:
    with receiving(*[Reply(503), Reply(503), Reply()] * 4) as receiver:
        async with delivering(receiver.url) as told:
            for text in "abcd":
                told.delivery.put(text)
            await until(lambda: told.delivery.counts["delivered"] == 4)
        assert [is_error for _, is_error in told.said] == [True, False]


@pytest.mark.parametrize(("reply", "why"), [(Reply(302), "a redirect"), (Reply(401), "401"), (Reply(404), "404")])
async def test_every_other_answer_is_a_failure_and_a_redirect_is_not_followed(reply: Reply, why: str) -> None:
    with receiving() as elsewhere:
        moved = Reply(reply.status, headers={"Location": elsewhere.url})
        with receiving(moved, moved) as receiver:
            async with delivering(receiver.url) as told:
                told.delivery.put("a")
                await until(lambda: told.delivery.counts["delivered"] == 1)
            assert why in told.said[0][0]
            assert bodies(receiver) == ["a"] * 3
        assert elsewhere.received == []


async def test_a_message_that_is_not_accepted_is_dropped_and_does_not_hold_the_next() -> None:
    with receiving(Reply(422)) as receiver:
        async with delivering(receiver.url) as told:
            told.delivery.put("a")
            told.delivery.put("b")
            await until(lambda: told.delivery.counts["delivered"] == 1)
        assert bodies(receiver) == ["a", "b"]
        assert told.delivery.counts["dropped"] == 1
        assert told.said[0] == ("webhook-1 (http://x/…) fails: it answers 422; this message is dropped", True)
        assert told.said[1] == ("webhook-1 (http://x/…) works again; 1 message was dropped", False)


async def test_410_ends_it() -> None:
    with receiving(Reply(410)) as receiver:
        async with delivering(receiver.url) as told:
            told.delivery.put("a")
            told.delivery.put("b")
            await until(lambda: bool(told.said))
            told.delivery.put("c")
            await asyncio.sleep(0.2)
        assert bodies(receiver) == ["a"]
        assert told.delivery.counts["dropped"] == 3
        assert told.said == [("webhook-1 (http://x/…) is told nothing any more: it answers 410, gone", True)]


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
async def test_retry_after_is_honoured(as_date: bool) -> None:
    # A date has whole seconds: this one is at least 1.5 s away.
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 2.5))
    with receiving(Reply(503, headers={"Retry-After": date if as_date else "1"})) as receiver:
        async with delivering(receiver.url) as told:
            began = time.monotonic()
            told.delivery.put("a")
            await until(lambda: told.delivery.counts["delivered"] == 1)
            assert time.monotonic() - began >= (1.2 if as_date else 1.0)


async def test_a_pause_that_is_asked_for_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RETRY_AFTER_SEC", 0.2)
    with receiving(Reply(503, headers={"Retry-After": "86400"})) as receiver:
        async with delivering(receiver.url) as told:
            told.delivery.put("a")
            await until(lambda: told.delivery.counts["delivered"] == 1)


async def test_pauses_grow_and_are_in_part_random() -> None:
    arrived: list[float] = []
    with receiving(*[Reply(503)] * 5) as receiver:
        async with delivering(receiver.url) as told:
            told.delivery.put("a")
            while told.delivery.counts["delivered"] == 0:
                if len(receiver.received) > len(arrived):
                    arrived.append(time.monotonic())
                await asyncio.sleep(0.002)
    pauses = [later - earlier for earlier, later in itertools.pairwise(arrived)]
    for number, pause in enumerate(pauses[:4]):
        assert pause >= 0.05 * 2**number / 2, pauses
    assert any(pause < 0.05 * 2**number * 0.9 for number, pause in enumerate(pauses)), pauses


async def test_a_receiver_that_hangs_is_given_up_after_the_timeout_and_tried_again() -> None:
    with receiving(Reply(hangs=True)) as receiver:
        async with delivering(receiver.url, timeout_sec=0.3) as told:
            told.delivery.put("a")
            await until(lambda: told.delivery.counts["delivered"] == 1)
        assert bodies(receiver) == ["a", "a"]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:{port}/", "it cannot be reached (Connection refused)"),
        ("http://no-such-host.invalid/", "its host cannot be found"),
    ],
)
async def test_nobody_there_is_said_in_words_that_do_not_quote_the_url(url: str, why: str) -> None:
    async with delivering(url.format(port=free_ports(1)[0])) as told:
        told.delivery.put("a")
        await until(lambda: bool(told.said))
    assert told.said[0] == (f"webhook-1 (http://x/…) fails: {why}; it is tried again", True)


async def test_a_certificate_that_nobody_trusts_gets_nothing(tmp_path: Path) -> None:
    with receiving(tls=self_signed(tmp_path)) as receiver:
        async with delivering(receiver.url) as told:
            told.delivery.put("a")
            await until(lambda: bool(told.said))
        assert "its certificate is not trusted; it is tried again" in told.said[0][0]
        assert receiver.received == []


async def test_the_queue_is_bounded_and_what_is_dropped_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_QUEUED", 3)
    with receiving(Reply(hangs=True)) as receiver:
        async with delivering(receiver.url, timeout_sec=0.5) as told:
            told.delivery.put("0")
            await until(lambda: bool(receiver.received))
            for number in range(1, 8):
                told.delivery.put(str(number))
            assert told.delivery.waiting == 4
            await until(lambda: told.delivery.counts["delivered"] == 4)
        assert bodies(receiver) == ["0", "0", "5", "6", "7"]
        assert told.delivery.counts["dropped"] == 4


async def test_an_old_message_is_dropped_and_a_younger_one_is_still_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_AGE_SEC", 2.0)
    monkeypatch.setattr(module, "MAX_PAUSE_SEC", 0.05)
    with receiving(always=Reply(503)) as receiver:
        async with delivering(receiver.url) as told:
            told.delivery.put("old")
            await asyncio.sleep(1.5)
            told.delivery.put("young")
            await until(lambda: told.delivery.counts["dropped"] == 1)
            receiver.always = Reply()
            await until(lambda: told.delivery.counts["delivered"] == 1)
        assert told.delivery.counts["dropped"] == 1
        assert bodies(receiver)[-1] == "young"


async def test_at_the_end_what_waits_is_sent_and_a_dead_receiver_is_tried_once() -> None:
    with receiving() as receiver:
        async with delivering(receiver.url) as told:
            for text in "abc":
                told.delivery.put(text)
            told.delivery.finish()
            await until(lambda: told.delivery.waiting == 0)
        assert bodies(receiver) == list("abc")
    with receiving(always=Reply(503)) as dead:
        async with delivering(dead.url) as told:
            for text in "abc":
                told.delivery.put(text)
            told.delivery.finish()
            await until(lambda: told.delivery.counts["dropped"] == 3)
        assert bodies(dead) == ["a"]


async def test_a_bug_while_sending_costs_one_message() -> None:
    sent: list[str] = []

    async def send(text: str) -> module.DeliveryResult:
        if text == "a":
            raise ZeroDivisionError
        sent.append(text)
        return module.DeliveryResult("delivered")

    delivery = Delivery[str]("webhook-1", "http://x", send, lambda text, is_error: None)
    task = asyncio.create_task(delivery.run())
    delivery.put("a")
    delivery.put("b")
    await until(lambda: sent == ["b"])
    assert delivery.counts["dropped"] == 1
    task.cancel()
