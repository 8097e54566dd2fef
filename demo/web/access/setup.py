"""Builds the access policy from command-line options: addresses, certificate, token, and devices paired before."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from demo.journal import Journal
from demo.paths import state_directory
from demo.web.access.addresses import ServerAddresses
from demo.web.access.bearer_token import BearerToken, token_file
from demo.web.access.origins import parse_join, parse_public_name, plain_address
from demo.web.access.policy import AccessPolicy
from demo.web.access.session_file import SessionFile
from demo.web.access.sessions import Sessions
from demo.web.server.tls import Tls, tls_files


@dataclass(frozen=True, slots=True)
class AccessOptions:
    """The command line's options about access."""

    host: str = "127.0.0.1"
    public_names: Sequence[str] = ()
    token_file: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    join: str | None = None


@dataclass(frozen=True, slots=True)
class AccessSetup:
    """What was checked before the show starts; the policy itself also needs the show's journal."""

    addresses: ServerAddresses
    token: BearerToken | None
    tls: Tls | None

    def access(self, journal: Journal, on_trouble: Callable[[str], None]) -> AccessPolicy:
        """Build the access policy; devices of the same show that were paired before a crash still are.

        `on_trouble` is called, from another thread, when paired devices cannot be stored.
        """
        if not self.addresses.is_open:  # Loopback only: whoever is on this machine is the presenter, nobody pairs.
            return AccessPolicy(self.addresses, self.token)
        path = journal.path.with_name(f"{journal.path.name}.sessions")
        return AccessPolicy(self.addresses, self.token, Sessions(SessionFile(path, journal.epoch, on_trouble)))


def set_up_control(asked: AccessOptions, listener: socket.socket) -> AccessSetup:
    """Check the options of a server with a conductor, and create its token file. Raises `UsageError`."""
    setup = set_up_audience_only(asked, listener)
    token_path = asked.token_file or (state_directory() / "token" if setup.addresses.is_open else None)
    return replace(setup, token=token_file(token_path) if token_path else None)


def set_up_audience_only(asked: AccessOptions, listener: socket.socket) -> AccessSetup:
    """Check the options of a server that has no control routes, as a relay: it needs no token. Raises `UsageError`."""
    tls = tls_files(asked.tls_cert, asked.tls_key)
    scheme = "https" if tls else "http"
    address, port = listener.getsockname()[:2]
    public = tuple(parse_public_name(name, scheme, port) for name in asked.public_names)
    join = None if asked.join is None else parse_join(asked.join)
    return AccessSetup(ServerAddresses(asked.host, plain_address(address), port, scheme, public, join), None, tls)
