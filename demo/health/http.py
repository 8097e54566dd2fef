"""A probe over HTTP: one request, whose answer is a JSON object."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.health.fetch import Session, fetch, parsed
from demo.health.reading import Reading

DEADLINE_SEC = 0.4


@dataclass(frozen=True)
class HttpProbe:
    session: Session
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    deadline_sec: float = DEADLINE_SEC
    posts: Mapping[str, Any] | None = None
    """What is sent as JSON by POST; None asks by GET."""

    async def look(self) -> Reading:
        found = await fetch(self.session, self.url, self.deadline_sec, self.headers, posts=self.posts)
        if found.trouble:
            return Reading(trouble=found.trouble)
        if found.status != 200:
            return Reading(trouble=f"answered with status {found.status}")
        data = parsed(found.body)
        if not isinstance(data, dict):
            return Reading(trouble="answered with something else than a JSON object")
        return Reading(data, took_ms=found.took_ms)
