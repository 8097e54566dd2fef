"""gzip for static files and pages, where the client accepts it. Streams are compressed in the hub.

Not brotli: browsers accept that over https only, and the audience's phones mostly connect over plain http.
"""

import gzip
import re

from starlette.requests import Request

SHORTEST = 200
"""Bytes; shorter bodies are not compressed, for gzip's header and trailer cost more than is saved."""

_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")


def accepts_gzip(request: Request) -> bool:
    return _GZIP.search(request.headers.get("accept-encoding", "").lower()) is not None


def compress(body: bytes, level: int = 9) -> bytes | None:
    """Compress `body` with gzip; None where that would not be smaller. The same input gives the same output."""
    compressed = gzip.compress(body, level, mtime=0) if len(body) >= SHORTEST else body
    return compressed if len(compressed) < len(body) else None
