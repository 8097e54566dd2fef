"""Sessions of paired devices: only hashes of their cookies are stored; they are listed, revoked, and end by age."""

import hmac
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from demo.clock import uptime

MAX_AGE_SEC = 24 * 3600.0
MAX_SESSIONS = 200
"""Beyond this the oldest session is ended; a show has a handful."""


@dataclass(slots=True)
class Session:
    """One paired device. `ident` is its public id, `digest` the SHA-256 of its cookie. Times are epoch seconds."""

    ident: str
    digest: str
    device: str
    paired_at: float
    did: str = ""
    did_at: float | None = None

    def note(self, what: str, at: float) -> None:
        """Record what the device did last, for the list of devices."""
        self.did, self.did_at = what, at


class SessionStore(Protocol):
    """Where sessions are stored so that they survive a crash."""

    def load(self) -> Iterable[Session]:
        """Return the stored sessions of the same show; none when there is nothing to read."""

    def save(self, sessions: Iterable[Session]) -> None:
        """Store these instead of what is stored, soon; never wait for the disk."""

    async def wait_until_saved(self) -> bool:
        """Wait a moment for the last `save`, and return whether it is on disk."""

    @property
    def durable(self) -> bool:
        """Return whether the last write succeeded."""


class Sessions:
    """Every paired device of a show. `on_end` is called with the `ident` of each session that ends."""

    def __init__(
        self,
        keeper: SessionStore | None = None,
        on_end: Callable[[str], None] = lambda ident: None,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = uptime,
    ) -> None:
        """Load what `keeper` has stored, but for sessions that are too old.

        `clock` gives the times that people read. `ticks` measures ages, for the wall clock may be set.
        """
        self._store = keeper
        self.on_end = on_end
        self._clock = clock
        self._by_digest: dict[str, Session] = {}
        self._ticks = ticks
        self._paired_ticks: dict[str, float] = {}
        for session in keeper.load() if keeper else ():
            age = max(0.0, clock() - session.paired_at)
            if age < MAX_AGE_SEC:
                self._by_digest[session.digest] = session
                self._paired_ticks[session.digest] = ticks() - age

    def pair(self, device: str, before: Session | None = None) -> tuple[str, Session]:
        """Begin a session; return the secret for its cookie, which is stored nowhere, and the session.

        `before` is the session that the same browser had until now: it is ended.
        """
        if before is not None and before.digest in self._by_digest:
            self._drop(before)
        token = secrets.token_urlsafe(32)
        session = Session(secrets.token_hex(4), _digest(token), self._make_unique(device), self._clock())
        self._by_digest[session.digest] = session
        self._paired_ticks[session.digest] = self._ticks()
        for oldest in self.all()[:-MAX_SESSIONS]:
            self._drop(oldest)
        self._save()
        return token, session

    def find(self, tokens: Iterable[str]) -> Session | None:
        """Return the session that one of these cookies belongs to."""
        for token in tokens:
            digest = _digest(token)
            session = self._by_digest.get(digest)
            # Looked up by hash: how long that takes tells nothing about a secret.
            if session is not None and hmac.compare_digest(session.digest, digest) and not self._is_old(session):
                return session
        return None

    def is_active(self, session: Session) -> bool:
        """Return whether this session has not ended."""
        return self._by_digest.get(session.digest) is session and not self._is_old(session)

    def all(self) -> tuple[Session, ...]:
        """Return the sessions in the order they were paired."""
        # Not by `paired_at`, for the wall clock may have been set between two pairings.
        return tuple(sorted(self._by_digest.values(), key=lambda session: self._paired_ticks[session.digest]))

    def revoke(self, ident: str) -> bool:
        """End one session; return False when there is none with this `ident`."""
        revoked = [session for session in self._by_digest.values() if session.ident == ident]
        for session in revoked:
            self._drop(session)
        if revoked:
            self._save()
        return bool(revoked)

    def revoke_all(self, but: str | None = None) -> int:
        """End every session except `but`; return how many were ended."""
        ended = [session for session in self._by_digest.values() if session.ident != but]
        for session in ended:
            self._drop(session)
        if ended:
            self._save()
        return len(ended)

    def end_old(self) -> None:
        """End the sessions that are `MAX_AGE_SEC` old."""
        old = [session for session in self._by_digest.values() if self._is_old(session)]
        for session in old:
            self._drop(session)
        if old:
            self._save()

    async def wait_until_saved(self) -> bool:
        """Wait a moment for the disk, and return whether what was revoked stays revoked after a crash."""
        return await self._store.wait_until_saved() if self._store is not None else True

    @property
    def durable(self) -> bool:
        """Return whether the last pairing or revocation survives a crash."""
        return self._store.durable if self._store is not None else True

    def _is_old(self, session: Session) -> bool:
        return self._ticks() - self._paired_ticks[session.digest] >= MAX_AGE_SEC

    def _drop(self, session: Session) -> None:
        del self._by_digest[session.digest], self._paired_ticks[session.digest]
        self.on_end(session.ident)

    def _make_unique(self, device: str) -> str:
        """Return a name that no other device has: a second "iPhone Safari" becomes "iPhone Safari 2"."""
        taken = {session.device for session in self._by_digest.values()}
        number, name = 1, device
        while name in taken:
            number += 1
            name = f"{device} {number}"
        return name

    def _save(self) -> None:
        if self._store is not None:
            self._store.save(self.all())


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
