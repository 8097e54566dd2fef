"""Webhooks over a restart of the server: they get what they were not told, once, in order, and with the same ids."""

import asyncio
import json
from pathlib import Path

import pytest

from demo.journal import Journal
from demo.notify import missed_events as module
from demo.notify.missed_events import MissedEvents
from demo.notify.progress import SUFFIX, Progress, name_webhook
from demo.show import commands as c
from demo.show.events import JournalEntry
from tests.conductor.test_conductor import ask
from tests.notify.test_notifier import told, types, until
from tests.support.http_receiver import HttpReceiver, Reply, receiving

pytestmark = pytest.mark.anyio


def ids(receiver: HttpReceiver) -> list[str]:
    """Return the ids of the events that were delivered: what failed is no delivery."""
    return [event["id"] for event in receiver.events()]


def said(receiver: HttpReceiver) -> list[str]:
    return [event["data"]["text"] for event in receiver.events() if event["type"].endswith(".said")]


async def say_unheard_and_restart(receiver: HttpReceiver, journal: Path) -> None:
    """A show says "nobody hears this" to a webhook that fails, is started again, says "all hear this" and ends."""
    async with told(receiver.url, journal=Journal(journal)) as (conductor, notifier):
        await until(lambda: notifier.deliveries[0].counts["delivered"] > 0)
        receiver.always = Reply(503)
        await ask(conductor, c.Say("nobody hears this"))
    receiver.always = Reply()
    receiver.received.clear()
    async with told(receiver.url, journal=Journal(journal)) as (conductor, _):
        await ask(conductor, c.Say("all hear this"))


async def test_what_a_webhook_was_not_told_comes_first_after_a_restart(tmp_path: Path) -> None:
    with receiving() as receiver:
        await say_unheard_and_restart(receiver, tmp_path / "j")
        found = types(receiver)
        assert said(receiver) == ["nobody hears this", "all hear this"]
        assert found.index("said") < found.index("show.closed") < found.index("show.picked_up")
        assert len(set(ids(receiver))) == len(ids(receiver))
        numbers = [int(ident.rpartition("-")[2]) for ident in ids(receiver)]
        assert numbers == sorted(numbers)


async def test_a_show_that_ends_while_they_are_read_tells_them_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = MissedEvents._read

    async def read_slowly(self: MissedEvents, after: int, before: int) -> list[JournalEntry]:
        await asyncio.sleep(0.3)
        return await read(self, after, before)

    monkeypatch.setattr(MissedEvents, "_read", read_slowly)
    with receiving() as receiver:
        await say_unheard_and_restart(receiver, tmp_path / "j")
        assert said(receiver) == ["nobody hears this", "all hear this"]


async def test_what_was_told_is_not_told_again(tmp_path: Path) -> None:
    with receiving() as receiver:
        for text in ("one", "two", "three"):
            async with told(receiver.url, journal=Journal(tmp_path / "j")) as (conductor, _):
                await ask(conductor, c.Say(text))
        assert said(receiver) == ["one", "two", "three"]
        assert len(set(ids(receiver))) == len(ids(receiver))


async def test_a_webhook_that_is_new_to_the_show_is_told_what_happens_from_then_on(tmp_path: Path) -> None:
    with receiving() as first, receiving() as second:
        async with told(first.url, journal=Journal(tmp_path / "j")) as (conductor, _):
            await ask(conductor, c.Say("before"))
        async with told(second.url, journal=Journal(tmp_path / "j")) as (conductor, _):
            await ask(conductor, c.Say("after"))
        assert said(second) == ["after"]


async def test_what_is_too_old_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver:
        async with told(receiver.url, journal=Journal(tmp_path / "j")) as (conductor, notifier):
            await until(lambda: notifier.deliveries[0].counts["delivered"] > 0)
            receiver.always = Reply(503)
            await ask(conductor, c.Say("too old"))
        receiver.always = Reply()
        receiver.received.clear()
        monkeypatch.setattr(module, "MAX_AGE_SEC", 0.0)
        async with told(receiver.url, journal=Journal(tmp_path / "j")) as (conductor, _):
            await ask(conductor, c.Say("new"))
        assert said(receiver) == ["new"]


def test_what_a_process_before_has_left_is_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    progress = Progress(journal)
    assert progress.earlier == {}
    progress.begin("a", 3)
    progress.note("a", 5)
    progress.note("a", 4)
    progress.save()
    assert Progress(journal).earlier == {"a": 5}
    file = Path(f"{journal.path}{SUFFIX}")
    assert file.stat().st_mode & 0o777 == 0o600
    for text in ("", "{", '{"epoch": "another", "told": {"a": 5}}', '{"told": []}'):
        file.write_text(text)
        assert Progress(journal).earlier == {}
    assert json.dumps(name_webhook("https://secret@host/")).count("secret") == 0
    journal.release()


def test_a_journal_that_does_not_stay_has_no_such_file() -> None:
    journal = Journal()
    progress = Progress(journal)
    progress.note("a", 5)
    progress.save()
    assert not Path(f"{journal.path}{SUFFIX}").exists()
    journal.release()
