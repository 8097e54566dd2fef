"""From the options of a start to the rules of its server: names, certificate, token, and who was paired before."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from demo.journal import Journal
from demo.paths import state_directory
from demo.web.access.addresses import ServerAddresses
from demo.web.access.bearer_token import BearerToken, token_file
from demo.web.access.origins import plain_address, public_place
from demo.web.access.policy import AccessPolicy
from demo.web.access.session_file import SessionFile
from demo.web.access.sessions import Sessions
from demo.web.server.tls import Tls, tls_files


@dataclass(frozen=True, slots=True)
class AccessOptions:
    """What the command line says about who gets in."""

    host: str = "127.0.0.1"
    public_names: Sequence[str] = ()
    token_file: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None


@dataclass(frozen=True, slots=True)
class AccessSetup:
    """What of it is known before the show starts. Whatever was wrong has been said by then."""

    reach: ServerAddresses
    token: BearerToken | None
    tls: Tls | None

    def access(self, journal: Journal, on_trouble: Callable[[str], None]) -> AccessPolicy:
        """The rules of this server; devices of the same show that were paired before a crash still are."""
        if not self.reach.is_open:
            return AccessPolicy(self.reach, self.token)
        path = journal.path.with_name(f"{journal.path.name}.sessions")
        return AccessPolicy(self.reach, self.token, Sessions(SessionFile(path, journal.epoch, on_trouble)))


def entrance(asked: AccessOptions, listener: socket.socket) -> AccessSetup:
    """Check everything that was asked for. Raises `UsageError`."""
    found = watching(asked, listener)
    wanted = asked.token_file or (state_directory() / "token" if found.reach.is_open else None)
    return replace(found, token=token_file(wanted) if wanted else None)


def watching(asked: AccessOptions, listener: socket.socket) -> AccessSetup:
    """The same for a server on which nobody steers: no token is made. Raises `UsageError`."""
    tls = tls_files(asked.tls_cert, asked.tls_key)
    scheme = "https" if tls else "http"
    address, port = listener.getsockname()[:2]
    public = tuple(public_place(name, scheme, port) for name in asked.public_names)
    return AccessSetup(ServerAddresses(asked.host, plain_address(address), port, scheme, public), None, tls)
