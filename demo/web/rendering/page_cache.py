"""A page as it was drawn last, for all who load it in the same moment: a hall whose show begins anew comes at once."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from fastapi.responses import HTMLResponse, Response
from starlette.requests import Request

from demo.web.rendering.gzip import accepts_gzip, packed

KEPT_SEC = 0.1
"""A page tells the show's clock, which may be so old; the stream's next beat sets it right."""

LEVEL = 5
"""The last percent would take longer than it saves on any network."""


@dataclass(slots=True)
class _Drawn:
    about: Hashable
    at: float
    plain: bytes
    packed: bytes | None = field(default=None)


class PageCache:
    """One page, drawn once for everybody who asks for the same picture within `KEPT_SEC`, and packed once."""

    def __init__(self) -> None:
        self._last: _Drawn | None = None

    def answer(self, request: Request, about: Hashable, draw: Callable[[], str]) -> Response:
        """`about`: equal while `draw` would give the same, but for the clock."""
        last = self._last
        if last is None or last.about != about or time.monotonic() - last.at > KEPT_SEC:
            last = self._last = _Drawn(about, time.monotonic(), draw().encode())
        headers = {"vary": "accept-encoding"}
        if accepts_gzip(request):
            last.packed = last.packed or packed(last.plain, LEVEL)
            if last.packed is not None:
                return HTMLResponse(last.packed, headers=headers | {"content-encoding": "gzip"})
        return HTMLResponse(last.plain, headers=headers)
