"""From where a server is reached: its address, its names, and the links that people are given."""

from dataclasses import dataclass, field

from demo.web.access.origins import AllowedNames, Origin, bracketed, is_address, is_loopback, plain_address
from demo.web.access.phone_address import PhoneAddress

_ANY = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to

MAX_ELSEWHERE = 4
"""Other addresses that people are offered: a machine with containers may have dozens."""


@dataclass(frozen=True, slots=True)
class OtherAddress:
    """Another address of the server. `interface`: whose it is, where that is known."""

    url: str
    interface: str = ""


@dataclass(frozen=True, slots=True)
class ServerAddresses:
    """`host` as it was asked for, `address` and `port` as they are bound, and the public names."""

    host: str = "127.0.0.1"
    address: str = "127.0.0.1"
    port: int = 0
    scheme: str = "http"
    public: tuple[Origin, ...] = ()
    phone: PhoneAddress = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        pinned = "" if self.address in _ANY else self.address
        object.__setattr__(self, "phone", PhoneAddress(pinned, ipv6=self.address == "::"))

    @property
    def is_open(self) -> bool:
        """May anybody but this machine get here, by an address or a name?"""
        return bool(self.public) or not is_loopback(self.address)

    @property
    def names(self) -> AllowedNames:
        """What a Host header and an Origin may say."""
        own = () if is_address(self.host.strip("[]")) else (bracketed(self.host),)
        return AllowedNames(self.public, own)

    @property
    def here(self) -> str:
        """The address for this machine's own browser."""
        return self._url("127.0.0.1" if self.address in _ANY else self.host)

    @property
    def everywhere(self) -> str:
        """The address for everyone who may reach this server."""
        if self.public:
            return self.public[0].url
        if self.address in _ANY:
            return self._url(self.phone.chosen or "127.0.0.1")
        return self._url(self.host)

    @property
    def elsewhere(self) -> tuple[OtherAddress, ...]:
        """Other addresses, for a phone that does not get to the first."""
        if self.public:
            return tuple(OtherAddress(place.url) for place in self.public[1:])
        others = () if is_loopback(self.address) else self.phone.others[:MAX_ELSEWHERE]
        return tuple(OtherAddress(self._url(one.address), one.interface) for one in others)

    @property
    def lacking(self) -> str:
        """Why nobody but this machine gets here, though they may; empty when they do."""
        return "" if self.public or self.address not in _ANY else self.phone.lacking

    def check(self) -> str:
        """Whether the address that phones were told has changed, in words. To be called often."""
        return self.phone.check() if self.is_open and not self.public else ""

    def within(self, path: str) -> str:
        """A path as the server knows it: without what a proxy in front, which does not take it away, has above it."""
        for place in self.public:
            if place.path and (path == place.path or path.startswith(f"{place.path}/")):
                return path[len(place.path) :]
        return path

    def cookie_path(self, host: str) -> str:
        """Below which path of this Host a browser sends a cookie: where there is one, to no program beside it."""
        paths = {place.path for place in self.public if host.lower() in place.hosts}
        return f"{paths.pop()}/" if len(paths) == 1 else "/"

    @property
    def crosses_plainly(self) -> bool:
        """Does what the presenter sends cross a network unencrypted?"""
        reached = [place.scheme for place in self.public] or [self.scheme]
        return self.is_open and "http" in (*reached, *(() if is_loopback(self.address) else (self.scheme,)))

    def _url(self, name: str) -> str:
        return Origin(self.scheme, bracketed(plain_address(name.strip("[]"))), self.port).origin
