"""Tells webhooks of the events that an earlier process of the show has stored, and could not tell them."""

import asyncio
import logging
from collections import deque
from typing import Any

from demo.errors import DemoError
from demo.journal.library.recording import Recording
from demo.notify.delivery import MAX_AGE_SEC, Delivery
from demo.notify.notified_show import NotifiedShow
from demo.notify.progress import Progress
from demo.notify.webhook import Webhook
from demo.show.events import JournalEntry
from demo.threads.worker_thread import run_in_thread

logger = logging.getLogger(__name__)

WHO = "receivers"
"""Issues the notices about receivers. No receiver is told of them: one that fails now and then would cause more."""

MAX_MISSED = 500
"""Entries, the newest ones; those after them must not find the queues full."""

READ_SEC = 5.0
"""How long the new events wait for the old ones to be read."""


class MissedEvents:
    """The webhooks of a show, and what they are still to be told of it."""

    def __init__(self, show: NotifiedShow) -> None:
        self._show = show
        self._webhooks: list[tuple[str, Webhook, Delivery[Any]]] = []

    def add(self, name: str, webhook: Webhook, delivery: Delivery[Any]) -> None:
        """Add a webhook under the name by which `Progress` knows it."""
        self._webhooks.append((name, webhook, delivery))

    async def tell(self, progress: Progress, before: int) -> None:
        """Enqueue the events before entry `before` that a webhook was not told of, the oldest first.

        A webhook that was told nothing of this show begins with `before`.
        """
        after = {name: progress.earlier[name] for name, _, _ in self._webhooks if name in progress.earlier}
        for name, _, _ in self._webhooks:
            progress.begin(name, before - 1)
        if not after or min(after.values()) >= before - 1:
            return
        for entry in await self._read(min(after.values()), before):
            age_sec = max(0.0, self._show.clock.now() - entry.at)
            if age_sec > MAX_AGE_SEC:
                continue
            for name, webhook, delivery in self._webhooks:
                if entry.seq > after.get(name, before):
                    for message in webhook.messages(entry, is_durable=True):
                        delivery.put(message, age_sec)

    async def _read(self, after: int, before: int) -> list[JournalEntry]:
        path = self._show.journal.path

        def read() -> list[JournalEntry]:
            entries = Recording(path).entries(samples=False, after=after, on_unreadable=lambda why: None)
            told = (entry for entry in entries if entry.seq < before and entry.who != WHO)
            return list(deque(told, maxlen=MAX_MISSED))

        try:
            return await asyncio.wait_for(asyncio.wrap_future(run_in_thread(read, "missed events")), READ_SEC)
        except (TimeoutError, DemoError, OSError) as error:
            logger.warning(
                "what the webhooks were not told before the restart cannot be read: %s", error or "no answer"
            )
            return []
