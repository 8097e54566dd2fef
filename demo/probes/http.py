"""A probe over HTTP: one request, whose answer is a JSON object."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from yarl import URL

from demo.probes.http_fetch import Session, fetch, parsed
from demo.probes.result import Reading

TIMEOUT_SEC = 0.4

STRANGER = "another process answers on its port"
"""The `trouble` of a reading whose answer does not prove who gave it."""


class AuthenticatedRequest(Protocol):
    """A request whose answer must prove who gave it."""

    @property
    def headers(self) -> Mapping[str, str]: ...

    def is_answered(self, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """Check that this answer comes from the process that was asked."""


Asking = Callable[[str, str], AuthenticatedRequest]
"""Makes a question of an HTTP method and a path with its query."""


@dataclass(frozen=True)
class HttpProbe:
    session: Session
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_sec: float = TIMEOUT_SEC
    posts: Mapping[str, Any] | None = None
    """A body to POST as JSON; None sends a GET."""

    asking: Asking | None = None
    """For a process that can prove its identity; None accepts an answer from any process."""

    async def read(self) -> Reading:
        question, headers = None, self.headers
        if self.asking is not None:
            question = self.asking("GET" if self.posts is None else "POST", URL(self.url).raw_path_qs)
            headers = {**headers, **question.headers}
        response = await fetch(self.session, self.url, self.timeout_sec, headers, posts=self.posts)
        if response.trouble:
            return Reading(trouble=response.trouble)
        if question is not None and not question.is_answered(response.status, response.headers, response.body):
            return Reading(trouble=STRANGER)
        if response.status != 200:
            return Reading(trouble=f"answered with status {response.status}")
        data = parsed(response.body)
        if not isinstance(data, dict):
            return Reading(trouble="answered, but not with a JSON object")
        return Reading(data, took_ms=response.took_ms)
