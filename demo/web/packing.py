"""gzip, for whoever accepts it: of files once, of pages as they are drawn. A stream has a packing of its own (the hub).

Browsers offer brotli on https only, and a hall listens over plain http: gzip is what arrives.
"""

import gzip
import re

from starlette.requests import Request

SHORTEST = 200
"""Below this the wrapping costs more than it saves."""

DRAWN_LEVEL = 5
"""A page is packed for one visitor: the last percent would take longer than it saves on any network."""

_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")


def accepts_gzip(request: Request) -> bool:
    return _GZIP.search(request.headers.get("accept-encoding", "").lower()) is not None


def packed(body: bytes, level: int = 9) -> bytes | None:
    """The gzip form, None where that would not be smaller. The same bytes give the same bytes."""
    found = gzip.compress(body, level, mtime=0) if len(body) >= SHORTEST else body
    return found if len(found) < len(body) else None


def drawn(request: Request, html: str) -> tuple[bytes, dict[str, str]]:
    """A page as it is sent to this visitor, and the headers that say so."""
    body = html.encode()
    small = packed(body, DRAWN_LEVEL) if accepts_gzip(request) else None
    headers = {"vary": "accept-encoding"}
    return (body, headers) if small is None else (small, headers | {"content-encoding": "gzip"})
