"""JSON responses in plain ASCII: a deck's text may hold what UTF-8 cannot encode, and must not break a response."""

import json
from typing import Any

from starlette.responses import JSONResponse


class AsciiJsonResponse(JSONResponse):
    """A JSON response with all but ASCII escaped, lone surrogates included, which UTF-8 cannot encode."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")
