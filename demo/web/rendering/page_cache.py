"""A cache of the last rendered page: when a show is restarted, the whole audience loads its page at the same time."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from fastapi.responses import HTMLResponse, Response
from starlette.requests import Request

from demo.web.rendering.gzip import accepts_gzip, compress

KEPT_SEC = 0.1
"""The time in a page may be this old; the stream's next heartbeat corrects it."""

LEVEL = 5
"""The gzip level: higher ones take longer than they save on any network."""


@dataclass(slots=True)
class _CachedPage:
    about: Hashable
    at: float
    plain: bytes
    packed: bytes | None = field(default=None)


class PageCache:
    """Caches one page, rendered and compressed once for all requests within `KEPT_SEC` that would get the same."""

    def __init__(self) -> None:
        self._last: _CachedPage | None = None

    def answer(self, request: Request, about: Hashable, draw: Callable[[], str]) -> Response:
        """Respond with the cached page, or render it by `draw`.

        `about` is the cache key: it is equal as long as `draw` would return the same, except for the time.
        """
        last = self._last
        if last is None or last.about != about or time.monotonic() - last.at > KEPT_SEC:
            last = self._last = _CachedPage(about, time.monotonic(), draw().encode())
        headers = {"vary": "accept-encoding"}
        if accepts_gzip(request):
            last.packed = last.packed or compress(last.plain, LEVEL)
            if last.packed is not None:
                return HTMLResponse(last.packed, headers=headers | {"content-encoding": "gzip"})
        return HTMLResponse(last.plain, headers=headers)
