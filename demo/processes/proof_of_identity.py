"""How the processes of one show authenticate each other: both sides prove that they know its token, without sending it.

A port on loopback may be anybody's: when a process dies, its port is free for whichever program takes it next.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from demo.processes.service_auth import ANSWER_HEADER, ASK_HEADER, NONCE_HEADER

OLD_SEC = 10.0
"""A request older than this is refused, so that one that was overheard cannot be replayed later."""


@dataclass(frozen=True)
class SignedRequest:
    """One request to the process called `part`. `path` includes the query, exactly as it is sent."""

    token: str = field(repr=False)
    part: str
    method: str
    path: str
    # The time in it lets the asked process refuse old requests without remembering nonces.
    nonce: str = field(default_factory=lambda: f"{time.monotonic():.3f}-{secrets.token_hex(8)}")

    @property
    def headers(self) -> Mapping[str, str]:
        return {NONCE_HEADER: self.nonce, ASK_HEADER: self._sign("ask", self.method, self.path)}

    def is_answered(self, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """Check that this answer comes from that process."""
        return _same(headers.get(ANSWER_HEADER, ""), self.answer(status, body))

    def answer(self, status: int, body: bytes) -> str:
        return self._sign("answer", str(status), hashlib.sha256(body).hexdigest())

    def is_asked_by_us(self, said: str, now: float) -> bool:
        """Check, in the asked process itself, that one of this show's processes sent the request within the last 10 s.

        `said` is the signature that came with it, `now` the machine's monotonic time in seconds.
        """
        try:
            age_sec = now - float(self.nonce.partition("-")[0])
        except ValueError:
            return False
        return abs(age_sec) < OLD_SEC and _same(said, self._sign("ask", self.method, self.path))

    def _sign(self, *words: str) -> str:
        return _digest(self.token.encode(), "\n".join((self.part, self.nonce, *words)).encode())


def _digest(key: bytes, text: bytes) -> str:
    return hmac.digest(key, text, "sha256").hex()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="replace"), other.encode())
