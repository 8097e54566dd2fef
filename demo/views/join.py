"""How the audience opens the stage on its phones, as the cover and the closed curtain show it."""

from dataclasses import dataclass

MIN_SHOWN = 2
"""From how many open pages on their number is shown: the first is the projector's."""


@dataclass(frozen=True, slots=True)
class JoinView:
    """`url`: what the QR code says; `place`: the same as people type it."""

    url: str
    place: str


def join_view(url: str) -> JoinView | None:
    """Return how to open this URL; None for no URL."""
    return JoinView(url, _shorten(url)) if url else None


def joined_text(watching: int) -> str:
    """Return how many pages show the stage, as a number; empty while it is only the projector's."""
    return f"{watching}" if watching >= MIN_SHOWN else ""


def _shorten(url: str) -> str:
    """Leave out what every browser adds by itself: the scheme, but for HTTPS on a port of its own, and the last /."""
    scheme, _, rest = url.partition("://")
    place = rest.rstrip("/")
    has_port = ":" in place.partition("/")[0].rpartition("]")[2]
    return f"https://{place}" if scheme == "https" and has_port else place
