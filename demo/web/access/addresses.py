"""A server's addresses: where it is bound, its public names, and the URLs that people are given."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from demo.web.access.origins import AllowedNames, Origin, bracketed, is_address, is_loopback, plain_address
from demo.web.access.phone_address import PhoneAddress

_ANY = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to

MAX_ELSEWHERE = 4
"""How many other addresses people are offered: a machine with containers may have dozens."""


@dataclass(frozen=True, slots=True)
class OtherAddress:
    """Another URL of the server. `interface`: the network interface it belongs to, where that is known."""

    url: str
    interface: str = ""


@dataclass(frozen=True, slots=True)
class ServerAddresses:
    """`host` is the option's value, `address` and `port` are what is bound, `public` are the public names.

    `join`: the URL that the audience is given instead of `main_url`, "" for none; None where nobody chose.
    """

    host: str = "127.0.0.1"
    address: str = "127.0.0.1"
    port: int = 0
    scheme: str = "http"
    public: tuple[Origin, ...] = ()
    join: str | None = None
    phone: PhoneAddress = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        pinned = "" if self.address in _ANY else self.address
        object.__setattr__(self, "phone", PhoneAddress(pinned, ipv6=self.address == "::"))

    @property
    def is_open(self) -> bool:
        """Return whether other machines may reach this server, by an address or a public name."""
        return bool(self.public) or not is_loopback(self.address)

    @property
    def names(self) -> AllowedNames:
        """The names that a Host header and an Origin may contain."""
        own = () if is_address(self.host.strip("[]")) else (bracketed(self.host),)
        return AllowedNames(self.public, own)

    @property
    def local_url(self) -> str:
        """The URL for this machine's own browser."""
        return self._url("127.0.0.1" if self.address in _ANY else self.host)

    @property
    def main_url(self) -> str:
        """The URL for everyone who may reach this server."""
        if self.public:
            return self.public[0].url
        if self.address in _ANY:
            return self._url(self.phone.chosen or "127.0.0.1")
        return self._url(self.host)

    @property
    def audience_url(self) -> str:
        """The URL where the audience opens the stage on its phones; empty where there is none."""
        if self.join is not None:
            return self.join
        leads_nowhere = not self.is_open or self.why_unreachable or is_loopback(urlsplit(self.main_url).hostname or "")
        return "" if leads_nowhere else f"{self.main_url}/"

    @property
    def other_urls(self) -> tuple[OtherAddress, ...]:
        """Other URLs, for a phone that cannot reach the first."""
        if self.public:
            return tuple(OtherAddress(origin.url) for origin in self.public[1:])
        others = () if is_loopback(self.address) else self.phone.others[:MAX_ELSEWHERE]
        return tuple(OtherAddress(self._url(one.address), one.interface) for one in others)

    @property
    def why_unreachable(self) -> str:
        """Why no other machine can reach this server although it may; empty when it can."""
        return "" if self.public or self.address not in _ANY else self.phone.why_unreachable

    def check(self) -> str:
        """Describe how the address for phones has changed since the last call; empty when it has not."""
        return self.phone.check() if self.is_open and not self.public else ""

    def strip_public_path(self, path: str) -> str:
        """Return a request's path without the path of a public name, which some proxies remove and others pass on."""
        for origin in self.public:
            if origin.path and (path == origin.path or path.startswith(f"{origin.path}/")):
                return path[len(origin.path) :]
        return path

    def cookie_path(self, host: str) -> str:
        """Return the Path of a cookie for this Host: its public name's, so that other programs there do not get it.

        Where the Host has several public names with different paths, it is "/".
        """
        paths = {origin.path for origin in self.public if host.lower() in origin.hosts}
        return f"{paths.pop()}/" if len(paths) == 1 else "/"

    @property
    def is_unencrypted(self) -> bool:
        """Return whether the presenter's requests may cross a network unencrypted."""
        schemes = [origin.scheme for origin in self.public] or [self.scheme]
        return self.is_open and "http" in (*schemes, *(() if is_loopback(self.address) else (self.scheme,)))

    def _url(self, name: str) -> str:
        return Origin(self.scheme, bracketed(plain_address(name.strip("[]"))), self.port).origin
