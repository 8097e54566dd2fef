"""JSON answers: plain ASCII on the wire, so that no text of a show can keep an answer from being sent."""

import json
from typing import Any

from starlette.responses import JSONResponse


class AsciiJsonResponse(JSONResponse):
    """Escapes all but ASCII: a lone surrogate, which UTF-8 refuses, is an escape like any other."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")
