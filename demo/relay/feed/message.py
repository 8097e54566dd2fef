"""One picture of a show as the audience sees it, to and from what lies in Redis. Nothing of it is the presenter's."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demo.errors import FeedError

FORMAT = "1"
"""Entries of another format are refused: conductor and relays must be of versions that understand each other."""

PACKED_LEVEL = 1
MAX_UNPACKED = 8 * 1024 * 1024

Fields = Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class FeedMessage:
    """The audience's view at one state, and the audience's `/state`.

    `run` is the conductor's process: a restarted one may number anew from where its journal ends. `now` is the
    moment by the conductor's clock when it was sent, `build` the fingerprint of its page's files.
    """

    epoch: str
    seq: int
    run: str
    now: float
    title: str
    build: str
    regions: Mapping[str, bytes]
    state: Mapping[str, Any]

    @property
    def ident(self) -> str:
        """The id of the stream's messages: the same on every server of the show."""
        return f"{self.epoch}-{self.seq}"

    def follows(self, other: "FeedMessage | None") -> bool:
        """Is it newer than the other? Another epoch, or another run of the conductor, is always followed."""
        if other is None or (other.epoch, other.run) != (self.epoch, self.run):
            return True
        # The same state may come once more, with another number of viewers.
        return (self.seq, self.now) > (other.seq, other.now)

    def fields(self) -> dict[str, str | bytes]:
        """As one entry of a stream; what is large is packed."""
        regions = {name: body.decode() for name, body in self.regions.items()}
        body = {"title": self.title, "build": self.build, "regions": regions, "state": self.state}
        packed = zlib.compress(json.dumps(body, separators=(",", ":")).encode("ascii"), PACKED_LEVEL)
        return {"format": FORMAT, "run": self.run, "now": repr(self.now), "at": self.ident, "body": packed}


def picture_of(fields: Fields) -> FeedMessage:
    """Raises `FeedError` for an entry that is damaged, or of another version."""
    if (found := fields.get(b"format", b"").decode("ascii", "replace")) != FORMAT:
        raise FeedError(f"the show in Redis is in format {found[:20]!r}, this relay reads {FORMAT!r}: use one version")
    try:
        return _read(fields)
    except (KeyError, ValueError, TypeError, AttributeError, zlib.error) as error:
        raise FeedError(f"the show in Redis is damaged ({type(error).__name__})") from None


def _read(fields: Fields) -> FeedMessage:
    unpacking = zlib.decompressobj()
    text = unpacking.decompress(fields[b"body"], MAX_UNPACKED)
    if not unpacking.eof:
        raise ValueError("cut off, or larger than any picture")
    body = json.loads(text)
    epoch, _, seq = fields[b"at"].decode().rpartition("-")
    regions = {str(name): str(html).encode() for name, html in body["regions"].items()}
    state = dict(body["state"])
    return FeedMessage(
        epoch, int(seq), fields[b"run"].decode(), float(fields[b"now"]), body["title"], body["build"], regions, state
    )
