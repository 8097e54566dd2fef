"""The URL of a Redis and the name of a show on it: checked before anything is started."""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from demo.errors import UsageError

DEFAULT_SHOW = "default"

_SCHEMES = ("redis", "rediss", "unix")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_EXAMPLE = "write redis://:PASSWORD@HOST:PORT/DB, or rediss:// for TLS"
ESCAPED = "in a password write / as %2F, ? %3F, # %23, @ %40, [ %5B, ] %5D and % %25"

_OPTIONS = re.compile(r"/?\d*\?(db|ssl_\w+)=")
_AUTHORITY_ENDS = re.compile(r"[/?#]")


@dataclass(frozen=True, slots=True)
class FeedAddress:
    """A Redis and the name of a show on it. `url` may contain a password: show people `str(address)` instead."""

    url: str = field(repr=False)
    show: str = DEFAULT_SHOW

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2] or parts.path
        return f"{parts.scheme}://{host}{parts.path if parts.scheme != 'unix' and len(parts.path) > 1 else ''}"

    def key(self, what: str) -> str:
        """Return the Redis key for `what`. All keys of a show have one prefix, so that an ACL can allow just these."""
        return f"chaos-stage:{self.show}:{what}"


def feed_address(url: str, show: str = DEFAULT_SHOW) -> FeedAddress:
    """Check a URL and a show's name and return them as an address. Raises `UsageError`."""
    address = FeedAddress(url.strip(), show)
    if not _NAME.fullmatch(show):
        raise UsageError(f"--show {show!r} is not a valid name: use up to 64 letters, digits, '.', '_' and '-'")
    if _is_cut_by_its_password(address.url):
        raise UsageError(f"--redis has a password with a character that must be escaped in a URL: {ESCAPED}")
    try:
        parts = urlsplit(address.url)
        parts.port  # noqa: B018 - reading it is what finds a wrong one
    except ValueError:
        raise UsageError(f"--redis is not the URL of a Redis: {_EXAMPLE}; {ESCAPED}") from None
    if parts.fragment:
        raise UsageError(f"--redis has a '#', which is not allowed in the URL of a Redis: {ESCAPED}")
    database = parts.path.strip("/")
    if parts.scheme not in _SCHEMES or not (parts.hostname or parts.scheme == "unix"):
        raise UsageError(f"--redis is not the URL of a Redis: {_EXAMPLE}")
    if parts.scheme != "unix" and database and not database.isdecimal():
        raise UsageError(f"--redis {address} has no valid database: write its number behind the port, like /0")
    for name in parse_qs(parts.query, keep_blank_values=True):
        if name != "db" and not (parts.scheme == "rediss" and name.startswith("ssl_")):
            raise UsageError(f"--redis {address} has an unknown option {name!r}: use db or, with rediss://, ssl_…")
    return address


def _is_cut_by_its_password(url: str) -> bool:
    """Return whether a `/`, `?` or `#` in the password ends the part of the URL that it belongs to.

    Then the rest of the password counts as path or query, and no error message may quote any part of the URL.
    """
    rest = url.partition("://")[2]
    end = _AUTHORITY_ENDS.search(rest)
    if end is None or "@" not in rest[end.start() :]:
        return False
    before, behind = rest[: end.start()], rest[end.start() :]
    if url.startswith("unix:"):
        return bool(before) and "@" not in before  # A socket's path may contain an @.
    return not _OPTIONS.match(behind)  # The name of a certificate's file may, too.
