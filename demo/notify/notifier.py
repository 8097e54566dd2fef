"""`Notifier`: passes the events of a running show on to its receivers, beside the show and never in its way."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Protocol

from demo.errors import log_unexpected
from demo.notify.delivery import Delivery, DeliveryResult, logger
from demo.notify.grafana import GrafanaAnnotations
from demo.notify.http_client import HttpClient
from demo.notify.missed_events import READ_SEC, WHO, MissedEvents
from demo.notify.notified_show import NotifiedShow, is_written
from demo.notify.progress import SAVE_EVERY_SEC, Progress, name_webhook
from demo.notify.receivers import ReceiverAddress, Receivers
from demo.notify.webhook import Webhook
from demo.show import commands as c
from demo.show import events as e
from demo.threads.worker_thread import run_in_thread

CHECK_INTERVAL_SEC = 0.2
"""How often is asked whether an entry is on disk, if nothing else happens."""

FLUSH_SEC = 2.0
"""How long the end of the show waits for what is not delivered yet."""

SAVE_SEC = 1.0


class Receiver(Protocol):
    """Makes messages of entries, and sends one."""

    def messages(self, entry: e.JournalEntry, *, is_durable: bool) -> Iterable[Any]: ...

    async def send(self, message: Any) -> DeliveryResult: ...


class Notifier:
    """Tells the receivers of a show what happens in it, from `start` to `close`.

    As in `/events`, an event is passed on once it is on disk: after a crash its number may be another one's. While
    nothing can be written, it is passed on at once.
    """

    def __init__(self, show: NotifiedShow, receivers: Receivers, client: HttpClient | None = None) -> None:
        self._show = show
        self._client = client or HttpClient(lambda: show.clock.wall(show.clock.now()))
        self._waiting: deque[e.JournalEntry] = deque()
        self._grown, self._has_caught_up = asyncio.Event(), asyncio.Event()
        self._sending: list[asyncio.Task[None]] = []
        self._others: list[asyncio.Task[None]] = []
        self._unsubscribe: Callable[[], None] = lambda: None
        self._receivers: list[tuple[Receiver, Delivery[Any], ReceiverAddress]] = []
        self._progress, self._missed = Progress(show.journal), MissedEvents(show)
        for number, address in enumerate(receivers.webhooks, 1):
            settled = partial(self._progress.note, name := name_webhook(address.url))
            webhook = Webhook(address, receivers.key, self._client, show, settled)
            self._add(f"webhook-{number}", address, webhook)
            self._missed.add(name, webhook, self.deliveries[-1])
        if receivers.grafana is not None:
            annotations = GrafanaAnnotations(receivers.grafana, self._client, show)
            self._add("grafana", receivers.grafana.address, annotations)

    def _add(self, name: str, address: ReceiverAddress, receiver: Receiver) -> None:
        self._receivers.append((receiver, Delivery(name, str(address), receiver.send, self._say), address))

    @property
    def deliveries(self) -> Sequence[Delivery[Any]]:
        """Return the queues to the receivers, webhooks first."""
        return [delivery for _, delivery, _ in self._receivers]

    def start(self) -> None:
        """Begin with the next event of the show."""
        if not self._receivers:
            return
        self._show.journal.on_buffered.append(self._take)
        self._unsubscribe = self._show.subscribe(lambda state: self._grown.set())
        self._others.append(asyncio.create_task(self._pass_on()))
        self._others.append(asyncio.create_task(self._save_often()))
        for _, delivery, address in self._receivers:
            self._sending.append(asyncio.create_task(delivery.run()))
            self._others.append(asyncio.create_task(self._look_up(delivery, address)))

    async def close(self) -> None:
        """Send what is not sent yet, for `FLUSH_SEC` at most. The show has ended."""
        if not self._sending:
            return
        with contextlib.suppress(ValueError):
            self._show.journal.on_buffered.remove(self._take)
        self._unsubscribe()
        await self._catch_up()
        while self._waiting:
            self._put(self._waiting.popleft())
        for delivery in self.deliveries:
            delivery.finish()
        await asyncio.wait(self._sending, timeout=FLUSH_SEC)
        for task in (*self._sending, *self._others):
            task.cancel()
        await asyncio.gather(*self._sending, *self._others, return_exceptions=True)
        self._report_rest()
        await self._client.close()
        await self._save()

    async def _catch_up(self) -> None:
        """Let the events of an earlier process go first: a show may end while they are still being read."""
        if self._waiting and not self._has_caught_up.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._has_caught_up.wait(), READ_SEC + SAVE_SEC)

    async def _save_often(self) -> None:
        while True:
            await asyncio.sleep(SAVE_EVERY_SEC)
            await self._save()

    async def _save(self) -> None:
        """Save which events were told; a disk that hangs is waited for a second."""
        await asyncio.wait({asyncio.wrap_future(run_in_thread(self._progress.save, "progress"))}, timeout=SAVE_SEC)

    def _report_rest(self) -> None:
        for delivery in self.deliveries:
            if waiting := delivery.waiting:
                logger.warning("%s (%s): at the end %d were not sent", delivery.name, delivery.address, waiting)
            delivery.drop_all()

    def _take(self, entries: Sequence[e.JournalEntry]) -> None:
        """Keep entries for the receivers. Called by the journal, before the entries are on disk."""
        self._waiting.extend(
            entry for entry in entries if entry.who != WHO and not isinstance(entry.event, e.HealthSampled)
        )
        if self._waiting:
            self._grown.set()

    async def _pass_on(self) -> None:
        """Pass on what comes, after what an earlier process of this show could not tell."""
        while not self._waiting:
            self._grown.clear()
            await self._grown.wait()
        await self._missed.tell(self._progress, before=self._waiting[0].seq)
        self._has_caught_up.set()
        while True:
            self._grown.clear()
            while self._waiting and self._is_sendable(self._waiting[0]):
                self._put(self._waiting.popleft())
            # The end of a write makes no new state and so wakes nobody: an entry not yet on disk is polled for.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._grown.wait(), CHECK_INTERVAL_SEC if self._waiting else None)

    def _is_sendable(self, entry: e.JournalEntry) -> bool:
        return entry.seq <= self._show.journal.durable_seq or not is_written(self._show.state)

    def _put(self, entry: e.JournalEntry) -> None:
        is_durable = entry.seq <= self._show.journal.durable_seq
        for receiver, delivery, _ in self._receivers:
            try:
                for message in receiver.messages(entry, is_durable=is_durable):
                    delivery.put(message)
            except Exception as error:  # noqa: BLE001 - a bug of ours costs this message, not the show
                log_unexpected(logger, f"telling {delivery.name}", error)

    async def _look_up(self, delivery: Delivery[Any], address: ReceiverAddress) -> None:
        if why := await self._client.find_host(address.url):
            delivery.note_unreachable(why)

    def _say(self, text: str, is_error: bool) -> None:
        self._show.enqueue(WHO, c.Notice(text) if is_error else c.Notice(text, "note"))
