"""One-time codes: a secret of 128 bits in a link, and a short code that people type."""

import hmac
import secrets
from collections import deque
from collections.abc import Callable
from hashlib import sha256

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No two that look alike: neither 0 and O nor 1, I and L, nor U beside V."""

CODE_LENGTH = 8
USED_KEPT = 64
"""Used secrets that are still told from wrong ones."""


class PairingCodes:
    """The codes of this moment. A success with any of them renews the pair that phones see.

    `own` is a secret for the presenter's browser on this machine: opening that must not use up the phone's.
    Hashes are compared, in constant time.
    """

    def __init__(self) -> None:
        self.secret = self.code = ""
        self.own = secrets.token_urlsafe(16)
        self._used: deque[bytes] = deque(maxlen=USED_KEPT)
        self._listeners: list[Callable[[], None]] = []
        self._renew()

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever the codes were renewed."""
        self._listeners.append(listener)

    @property
    def typed(self) -> str:
        """The code as people read it: XXXX-XXXX."""
        return f"{self.code[:4]}-{self.code[4:]}"

    def take_secret(self, given: str) -> bool:
        """Use up the link's secret, or the one for this machine."""
        digest = _digest(given)
        if self.own and hmac.compare_digest(digest, _digest(self.own)):
            self._used.append(digest)
            self.own = ""
            self._tell()
            return True
        return self._take(digest, self.secret)

    def take_code(self, given: str) -> bool:
        """Use up the typed code; case, dashes and spaces do not count."""
        plain = "".join(given.upper().replace("-", "").split())
        return self._take(_digest(plain), self.code)

    def renew(self) -> None:
        """Every code that anybody may have seen is worth nothing from now on, this machine's own too."""
        self.own = secrets.token_urlsafe(16)
        self._renew()
        self._tell()

    def was_used(self, given: str) -> bool:
        """Was this a right secret once?"""
        digest = _digest(given)
        return any([hmac.compare_digest(digest, used) for used in self._used])  # noqa: C419 - looks at every one

    def _take(self, digest: bytes, right: str) -> bool:
        if not hmac.compare_digest(digest, _digest(right)):
            return False
        self._used.append(_digest(self.secret))
        self._renew()
        self._tell()
        return True

    def _renew(self) -> None:
        self.secret = secrets.token_urlsafe(16)
        self.code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
