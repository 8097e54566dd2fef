"""Paired devices: sessions on the server, of which only hashes are kept; listed, revoked, and ended by age."""

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
"""Beyond this the one that was paired first goes: a show has a handful."""


@dataclass(slots=True)
class Session:
    """One paired device. `ident` names it in public, `digest` is of its cookie. Times are epoch seconds."""

    ident: str
    digest: str
    device: str
    paired_at: float
    did: str = ""
    did_at: float | None = None

    def note(self, what: str, at: float) -> None:
        """What it did last, for the list of devices."""
        self.did, self.did_at = what, at


class SessionStore(Protocol):
    """Where sessions outlive a crash."""

    def load(self) -> Iterable[Session]:
        """Those of the same show that were kept; none when there is nothing to read."""

    def save(self, sessions: Iterable[Session]) -> None:
        """Keep these, soon; never waits for the disk."""

    async def settled(self) -> bool:
        """Is what was saved last on disk? Waits a moment for it."""

    @property
    def durable(self) -> bool:
        """Was what was written last taken?"""


class Sessions:
    """Every paired device of a show. `on_end` is told of each session that is worth nothing any more."""

    def __init__(
        self,
        keeper: SessionStore | None = None,
        on_end: Callable[[str], None] = lambda ident: None,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = uptime,
    ) -> None:
        """`clock` dates what people read; `ticks` measures ages, for a wall clock may be set."""
        self._keeper = keeper
        self.on_end = on_end
        self._clock = clock
        self._by_digest: dict[str, Session] = {}
        self._ticks = ticks
        self._born: dict[str, float] = {}
        for session in keeper.load() if keeper else ():
            age = max(0.0, clock() - session.paired_at)
            if age < MAX_AGE_SEC:
                self._by_digest[session.digest] = session
                self._born[session.digest] = ticks() - age

    def pair(self, device: str, before: Session | None = None) -> tuple[str, Session]:
        """A new session: the secret for its cookie, which is nowhere kept, and the session.

        `before` is what the same browser had until now: it ends.
        """
        if before is not None and before.digest in self._by_digest:
            self._drop(before)
        token = secrets.token_urlsafe(32)
        session = Session(secrets.token_hex(4), _digest(token), self._numbered(device), self._clock())
        self._by_digest[session.digest] = session
        self._born[session.digest] = self._ticks()
        for oldest in self.all()[:-MAX_SESSIONS]:
            self._drop(oldest)
        self._save()
        return token, session

    def find(self, tokens: Iterable[str]) -> Session | None:
        """The session that one of these cookies belongs to."""
        for token in tokens:
            digest = _digest(token)
            session = self._by_digest.get(digest)
            if session is not None and hmac.compare_digest(session.digest, digest) and not self._is_old(session):
                return session
        return None

    def all(self) -> tuple[Session, ...]:
        """In the order they were paired."""
        return tuple(sorted(self._by_digest.values(), key=lambda session: self._born[session.digest]))

    def revoke(self, ident: str) -> bool:
        """End one session; False when there is none of this name."""
        found = [session for session in self._by_digest.values() if session.ident == ident]
        for session in found:
            self._drop(session)
        if found:
            self._save()
        return bool(found)

    def revoke_all(self, but: str | None = None) -> int:
        """End every session but one; returns how many."""
        ended = [session for session in self._by_digest.values() if session.ident != but]
        for session in ended:
            self._drop(session)
        if ended:
            self._save()
        return len(ended)

    def end_old(self) -> None:
        """End the sessions whose time is over."""
        old = [session for session in self._by_digest.values() if self._is_old(session)]
        for session in old:
            self._drop(session)
        if old:
            self._save()

    async def settled(self) -> bool:
        """Would a crash bring back what was revoked? True when it would not."""
        return await self._keeper.settled() if self._keeper is not None else True

    @property
    def durable(self) -> bool:
        """False while a crash would lose what was paired or revoked last."""
        return self._keeper.durable if self._keeper is not None else True

    def _is_old(self, session: Session) -> bool:
        return self._ticks() - self._born[session.digest] >= MAX_AGE_SEC

    def _drop(self, session: Session) -> None:
        del self._by_digest[session.digest], self._born[session.digest]
        self.on_end(session.ident)

    def _numbered(self, device: str) -> str:
        """Two phones of a kind are told apart: the second is "iPhone Safari 2"."""
        taken = {session.device for session in self._by_digest.values()}
        number, name = 1, device
        while name in taken:
            number += 1
            name = f"{device} {number}"
        return name

    def _save(self) -> None:
        if self._keeper is not None:
            self._keeper.save(self.all())


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
