"""A probe over HTTP that returns the whole answer, whatever its status: what is good is for others to judge."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from demo.probes.http_fetch import UNKNOWN_NAME, Session, fetch, parsed
from demo.probes.result import Reading

TIMEOUT_SEC = 0.3
MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class HttpAnswerProbe:
    """The reading's data: `status`, `latency` in seconds, `headers` (names in lower case), `text`, and `body`.

    `body` is the JSON of the text, None where it is not valid JSON. A redirect is an answer and is not followed.
    """

    session: Session
    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_sec: float = TIMEOUT_SEC

    async def read(self) -> Reading:
        answer = await fetch(
            self.session, self.url, self.timeout_sec, self.headers, max_bytes=MAX_BYTES, method=self.method
        )
        if answer.trouble:
            return Reading(trouble=answer.trouble, inconclusive=answer.trouble == UNKNOWN_NAME)
        data = {
            "status": answer.status,
            "latency": answer.took_ms / 1000,
            "headers": {name.lower(): value for name, value in answer.headers.items()},
            "body": parsed(answer.body),
            "text": answer.body.decode(errors="replace"),
        }
        return Reading(data, took_ms=answer.took_ms)
