"""One-time codes that pair a device: a secret of 128 bits in a link, and a short code that people type."""

import hmac
import secrets
from collections import deque
from collections.abc import Callable
from hashlib import sha256

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without symbols that look alike: 0 and O, 1, I and L, U beside V."""

CODE_LENGTH = 8
USED_KEPT = 64
"""How many used secrets are remembered, to tell them from wrong ones."""


class PairingCodes:
    """The current codes. A success with `secret` or `code`, which phones see, renews both.

    `local_secret` is a secret for the presenter's browser on this machine: opening that must not use up the phone's.
    Hashes are compared, in constant time.
    """

    def __init__(self) -> None:
        self.secret = self.code = ""
        self.local_secret = secrets.token_urlsafe(16)
        self._used: deque[bytes] = deque(maxlen=USED_KEPT)
        self._listeners: list[Callable[[], None]] = []
        self._make_codes()

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever a code was used up or renewed."""
        self._listeners.append(listener)

    @property
    def typed(self) -> str:
        """The code as it is shown: XXXX-XXXX."""
        return f"{self.code[:4]}-{self.code[4:]}"

    def take_secret(self, given: str) -> bool:
        """Use up the link's secret, or the one for this machine; return whether `given` was one of them."""
        digest = _digest(given)
        if self.local_secret and hmac.compare_digest(digest, _digest(self.local_secret)):
            self._used.append(digest)
            self.local_secret = ""
            self._notify()
            return True
        return self._use_up(digest, self.secret)

    def take_code(self, given: str) -> bool:
        """Use up the typed code, and return whether `given` was it; case, dashes and spaces do not count."""
        plain = "".join(given.upper().replace("-", "").split())
        return self._use_up(_digest(plain), self.code)

    def renew(self) -> None:
        """Replace all codes, this machine's own too: whatever anybody has seen becomes invalid."""
        self.local_secret = secrets.token_urlsafe(16)
        self._make_codes()
        self._notify()

    def was_used(self, given: str) -> bool:
        """Return whether this is one of the last `USED_KEPT` used secrets."""
        digest = _digest(given)
        # Used secrets are told from wrong ones only to explain the refusal.
        return any([hmac.compare_digest(digest, used) for used in self._used])  # noqa: C419 - looks at every one

    def _use_up(self, digest: bytes, right: str) -> bool:
        if not hmac.compare_digest(digest, _digest(right)):
            return False
        self._used.append(_digest(self.secret))
        self._make_codes()
        self._notify()
        return True

    def _make_codes(self) -> None:
        self.secret = secrets.token_urlsafe(16)
        self.code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))

    def _notify(self) -> None:
        for listener in tuple(self._listeners):
            listener()


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
