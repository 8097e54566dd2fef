"""One message of the feed: a show as the audience sees it, and its form in Redis. It has nothing of the presenter's."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demo.errors import FeedError

FORMAT = "1"
"""Entries of another format are refused: conductor and relays must be of versions with the same format."""

# The fastest level: a message of a few KB is packed for each change of the show.
PACKED_LEVEL = 1
# Whoever can write to that Redis could otherwise fill the memory of every relay with a few bytes.
MAX_UNPACKED = 8 * 1024 * 1024

Fields = Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class FeedMessage:
    """The audience's view of one state, whole and rendered, and the audience's `/state`.

    `run` identifies the conductor's process: after a crash a new one may use numbers again that its journal has lost.
    `now` is when the message was made, by the conductor's clock; `build` is the fingerprint of its static files.
    """

    epoch: str
    seq: int
    run: str
    now: float
    title: str
    build: str
    regions: Mapping[str, bytes]
    state: Mapping[str, Any]
    shown: int = 0
    """Of several messages of one number that show a recording, the later has the larger one."""

    @property
    def pace(self) -> tuple[object, ...]:
        """By which clock `now` is: that of the show, or that of a recording, and how fast it runs."""
        replay = self.state.get("replay") or {}
        return replay.get("recorded_at"), replay.get("rate")

    @property
    def ident(self) -> str:
        """The id of this state's message in view streams, the same on every server of the show."""
        return f"{self.epoch}-{self.seq}"

    def follows(self, other: "FeedMessage | None") -> bool:
        """Return whether this is newer than `other`; always true for another show or another run of the conductor."""
        if other is None or (other.epoch, other.run) != (self.epoch, self.run):
            return True
        # The same state is sent again when the number of viewers has changed.
        return (self.seq, self.shown, self.now) > (other.seq, other.shown, other.now)

    def fields(self) -> dict[str, str | bytes]:
        """Encode as the fields of one entry of a Redis stream; the regions and the state are compressed."""
        regions = {name: body.decode() for name, body in self.regions.items()}
        body = {"title": self.title, "build": self.build, "regions": regions, "state": self.state, "shown": self.shown}
        packed = zlib.compress(json.dumps(body, separators=(",", ":")).encode("ascii"), PACKED_LEVEL)
        return {"format": FORMAT, "run": self.run, "now": repr(self.now), "at": self.ident, "body": packed}


def parse_message(fields: Fields) -> FeedMessage:
    """Decode the fields of one entry. Raises `FeedError` for an entry that is damaged, or of another format."""
    if (other := fields.get(b"format", b"").decode("ascii", "replace")) != FORMAT:
        raise FeedError(f"the show in Redis is in format {other[:20]!r}, this relay reads {FORMAT!r}: use one version")
    try:
        return _decode(fields)
    except (KeyError, ValueError, TypeError, AttributeError, zlib.error) as error:
        raise FeedError(f"the show in Redis is damaged ({type(error).__name__})") from None


def _decode(fields: Fields) -> FeedMessage:
    decompressor = zlib.decompressobj()
    text = decompressor.decompress(fields[b"body"], MAX_UNPACKED)
    if not decompressor.eof:
        raise ValueError("incomplete, or larger than any state can be")
    body = json.loads(text)
    epoch, _, seq = fields[b"at"].decode().rpartition("-")
    regions = {str(name): str(html).encode() for name, html in body["regions"].items()}
    state = dict(body["state"])
    run, now, shown = fields[b"run"].decode(), float(fields[b"now"]), int(body.get("shown", 0))
    return FeedMessage(epoch, int(seq), run, now, body["title"], body["build"], regions, state, shown)
