"""A webhook: each event as a CloudEvent in a POST, signed as Standard Webhooks 1.0.0 says."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from demo.notify.cloud_events import MEDIA_TYPE, to_cloud_event
from demo.notify.delivery import DeliveryResult
from demo.notify.http_client import HttpClient, outcome_of
from demo.notify.notified_show import NotifiedShow
from demo.notify.receivers import ReceiverAddress
from demo.show.events import JournalEntry


@dataclass(frozen=True, slots=True)
class Message:
    """A message to a webhook. `ident` stays the same however often it is sent, so that its receiver can tell.

    `seq`: of its entry; 0 for one that is on no disk.
    """

    ident: str
    body: bytes
    seq: int = 0


class Webhook:
    """Makes and sends the messages to one webhook. `key` is shared with its receiver.

    `settled` is called with the entry of each message that was delivered or refused.
    """

    def __init__(
        self,
        address: ReceiverAddress,
        key: bytes,
        client: HttpClient,
        show: NotifiedShow,
        settled: Callable[[int], None],
    ) -> None:
        self._address, self._key, self._client, self._show = address, key, client, show
        self._settled = settled

    def messages(self, entry: JournalEntry, *, is_durable: bool) -> Iterator[Message]:
        """Yield the one message about an entry."""
        event = to_cloud_event(entry, self._show.epoch, self._show.clock.ahead, is_durable=is_durable)
        body = json.dumps(event, separators=(",", ":")).encode()
        yield Message(event["id"], body, entry.seq if is_durable else 0)

    async def send(self, message: Message) -> DeliveryResult:
        """Make one attempt. The timestamp is that of the attempt: an old one is a replay to the receiver."""
        sent_at = int(self._show.clock.wall(self._show.clock.now()))
        headers = {
            "Content-Type": f"{MEDIA_TYPE}; charset=utf-8",
            "webhook-id": message.ident,
            "webhook-timestamp": str(sent_at),
            "webhook-signature": sign(self._key, message.ident, sent_at, message.body),
        }
        if self._address.authorization:
            headers["Authorization"] = self._address.authorization
        outcome = outcome_of(await self._client.request("POST", self._address.url, headers, message.body))
        if outcome.kind != "failed" and message.seq:
            self._settled(message.seq)
        return outcome


def sign(key: bytes, ident: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a message, with the scheme's version in front."""
    content = f"{ident}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()}"
