"""From where a server is reached: its address, its names, and the links that people are given."""

import socket
from dataclasses import dataclass

from demo.web.names import Names, Place, bracketed, is_address, is_loopback, plain_address

_ANY = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to
_ELSEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses of documentation: asking for the way there sends nothing."""


@dataclass(frozen=True, slots=True)
class Reach:
    """`host` as it was asked for, `address` and `port` as they are bound, and the public names."""

    host: str = "127.0.0.1"
    address: str = "127.0.0.1"
    port: int = 0
    scheme: str = "http"
    public: tuple[Place, ...] = ()

    @property
    def is_open(self) -> bool:
        """May anybody but this machine get here, by an address or a name?"""
        return bool(self.public) or not is_loopback(self.address)

    @property
    def names(self) -> Names:
        """What a Host header and an Origin may say."""
        own = () if is_address(self.host.strip("[]")) else (bracketed(self.host),)
        return Names(self.public, own)

    @property
    def here(self) -> str:
        """The address for this machine's own browser."""
        return self._url("127.0.0.1" if self.address in _ANY else self.host)

    @property
    def everywhere(self) -> str:
        """The address for everyone who may reach this server."""
        if self.public:
            return self.public[0].origin
        return self._url(self._lan() or "127.0.0.1") if self.address in _ANY else self._url(self.host)

    @property
    def crosses_plainly(self) -> bool:
        """Does what the presenter sends cross a network unencrypted?"""
        reached = [place.scheme for place in self.public] or [self.scheme]
        return self.is_open and "http" in (*reached, *(() if is_loopback(self.address) else (self.scheme,)))

    def _lan(self) -> str | None:
        return way_out(socket.AF_INET) or (way_out(socket.AF_INET6) if self.address == "::" else None)

    def _url(self, name: str) -> str:
        return Place(self.scheme, bracketed(plain_address(name.strip("[]"))), self.port).origin


def way_out(family: socket.AddressFamily) -> str | None:
    """This machine's own address towards the network; None without one."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((_ELSEWHERE[family], 9))
            found = plain_address(probe.getsockname()[0])
    except OSError:
        return None
    return None if is_loopback(found) or found in _ANY else found
