"""`GET /report`: the report of the show until now, as one file to keep; for the presenter alone."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import Response

from demo.conductor import ShowHost
from demo.errors import JournalError
from demo.web.problems import problem
from demo.web.rendering.page_cache import PageCache
from demo.web.routes.fields import NoFields
from demo.web.routes.openapi import TO_PAIRING, add_page


@dataclass(frozen=True, slots=True)
class ServedReport:
    """The document. `policy`: its content security policy, because its style is in it and not in a file of ours."""

    html: str
    policy: str


MakeReport = Callable[[Path], ServedReport]
"""Makes the report of a journal. Raises `JournalError`."""


def no_report(path: Path) -> ServedReport:
    """Refuse: this server was put together without reports."""
    raise JournalError(f"this server makes no report of {path.name}: demo report does")


def add_report_page(
    app: FastAPI, conductor: ShowHost, make: MakeReport, on_error: Callable[[str, Exception], None]
) -> None:
    """Add the page. `on_error` is called with its name and what was raised when it cannot be made."""
    cache, one_at_a_time = PageCache(), asyncio.Lock()

    async def page(request: Request, fields: NoFields) -> Response:
        try:
            # In a thread: a journal of hours takes a second or two, in which the show goes on.
            async with one_at_a_time:
                made = await asyncio.to_thread(make, conductor.journal.path)
        except Exception as error:  # noqa: BLE001 - a bug of ours, or a disk that does not answer
            on_error("report", error)
            return problem("broken", "the report cannot be made; the show continues")
        answer = cache.answer(request, made.html, lambda: made.html)
        answer.headers["content-security-policy"] = f"{made.policy}; base-uri 'none'; frame-ancestors 'none'"
        return answer

    add_page(app, "/report", page, "The report of the show until now, in one file.", TO_PAIRING)
