"""gzip, for whoever accepts it: of files, and of pages as they are drawn. A stream has a packing of its own (the hub).

Browsers offer brotli on https only, and a hall listens over plain http: gzip is what arrives.
"""

import gzip
import re

from starlette.requests import Request

SHORTEST = 200
"""Below this the wrapping costs more than it saves."""

_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")


def accepts_gzip(request: Request) -> bool:
    return _GZIP.search(request.headers.get("accept-encoding", "").lower()) is not None


def packed(body: bytes, level: int = 9) -> bytes | None:
    """The gzip form, None where that would not be smaller. The same bytes give the same bytes."""
    found = gzip.compress(body, level, mtime=0) if len(body) >= SHORTEST else body
    return found if len(found) < len(body) else None
