"""A probe over HTTP: one request, whose answer is a JSON object."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from yarl import URL

from demo.probes.http_fetch import Session, fetch, parsed
from demo.probes.result import Reading

TIMEOUT_SEC = 0.4

STRANGER = "another process answers on its port"
"""The trouble of an answer that does not prove who gave it."""


class Question(Protocol):
    """One request whose answer must prove who gives it."""

    @property
    def headers(self) -> Mapping[str, str]: ...

    def is_answered(self, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """Does this answer come from whom it was asked of?"""


Asking = Callable[[str, str], Question]
"""Of a method, and a path with its query."""


@dataclass(frozen=True)
class HttpProbe:
    session: Session
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    deadline_sec: float = TIMEOUT_SEC
    posts: Mapping[str, Any] | None = None
    """What is sent as JSON by POST; None asks by GET."""

    asking: Asking | None = None
    """For one that can prove who it is; None believes whoever answers."""

    async def look(self) -> Reading:
        question, headers = None, self.headers
        if self.asking is not None:
            question = self.asking("GET" if self.posts is None else "POST", URL(self.url).raw_path_qs)
            headers = {**headers, **question.headers}
        found = await fetch(self.session, self.url, self.deadline_sec, headers, posts=self.posts)
        if found.trouble:
            return Reading(trouble=found.trouble)
        if question is not None and not question.is_answered(found.status, found.headers, found.body):
            return Reading(trouble=STRANGER)
        if found.status != 200:
            return Reading(trouble=f"answered with status {found.status}")
        data = parsed(found.body)
        if not isinstance(data, dict):
            return Reading(trouble="answered with something else than a JSON object")
        return Reading(data, took_ms=found.took_ms)
