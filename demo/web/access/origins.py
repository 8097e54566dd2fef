"""By which names this server answers: the Host headers and the Origins that are its own, exactly."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

from demo.errors import UsageError
from demo.web.access.rules import RULES

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")

_PORTS = {"http": 80, "https": 443}
_LABELS = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?")
_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*")
_TAKEN = {template.split("/")[1] for _, template in RULES}
_EXAMPLE = "give a name as people type it: demo.local, demo.local:8080 or https://demo.example/talks"


@dataclass(frozen=True, slots=True)
class Origin:
    """One origin: where a browser believes to be. `path`: what a proxy has put the server below, as in "/talks"."""

    scheme: str
    name: str
    port: int
    path: str = ""

    @property
    def origin(self) -> str:
        """As a browser writes it: without the scheme's own port."""
        usual = self.port == _PORTS[self.scheme]
        return f"{self.scheme}://{self.name}" if usual else f"{self.scheme}://{self.name}:{self.port}"

    @property
    def url(self) -> str:
        """What people type, without the last slash."""
        return self.origin + self.path

    @property
    def hosts(self) -> tuple[str, ...]:
        """The Host headers that lead here."""
        usual = self.port == _PORTS[self.scheme]
        return (self.name, f"{self.name}:{self.port}") if usual else (f"{self.name}:{self.port}",)


def public_place(text: str, scheme: str, port: int) -> Origin:
    """A `--public-name`, where `scheme` and `port` are the server's own. Raises `UsageError`."""
    given, separator, rest = text.strip().partition("://")
    if separator and given.lower() not in _PORTS:
        raise UsageError(f"--public-name {text!r} is neither http nor https: {_EXAMPLE}")
    if separator:
        scheme, port = given.lower(), _PORTS[given.lower()]
    try:
        parts = urlsplit(f"//{rest if separator else text.strip()}")
        name, own_port = parts.hostname or "", parts.port
    except ValueError:
        name, own_port, parts = "", None, urlsplit("")
    path = parts.path.rstrip("/")
    if not _PATH.fullmatch(path) or parts.query or parts.fragment or "@" in parts.netloc or not _is_name(name):
        raise UsageError(f"--public-name {text!r} is not a name: {_EXAMPLE}")
    if own_port == 0:
        raise UsageError(f"--public-name {text!r} has port 0, which no page can have: {_EXAMPLE}")
    if path.split("/")[1:2] and path.split("/")[1] in _TAKEN:
        raise UsageError(
            f"--public-name {text!r}: the server has a page of its own at /{path.split('/')[1]}, take another path"
        )
    return Origin(scheme, bracketed(name), port if own_port is None else own_port, path)


def _is_name(name: str) -> bool:
    if not name or len(name) > 253:
        return False
    return is_address(name) or bool(_LABELS.fullmatch(name))


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def plain_address(text: str) -> str:
    """An address without its zone; an IPv4 one that came through an IPv6 socket as itself."""
    text = text.partition("%")[0]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return text
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def bracketed(name: str) -> str:
    """As it stands in a URL: an IPv6 address in brackets."""
    return f"[{name}]" if ":" in name else name.lower()


def is_loopback(address: str) -> bool:
    """Does binding to `address` keep everyone else out?"""
    if address.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(plain_address(address.strip("[]"))).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class AllowedNames:
    """The public names of a server; its local ones depend on the connection."""

    public: tuple[Origin, ...] = ()
    own: tuple[str, ...] = field(default=())
    """What `--host` said, where that was a name."""

    def hosts(self, address: str, port: int, scheme: str) -> frozenset[str]:
        """Every Host header that a connection to this address may carry, in lower case."""
        return frozenset(host for place in self._places(address, port, scheme) for host in place.hosts)

    def origins(self, address: str, port: int, scheme: str) -> frozenset[str]:
        """Every Origin that is a page of this server."""
        return frozenset(place.origin for place in self._places(address, port, scheme))

    def _places(self, address: str, port: int, scheme: str) -> Iterable[Origin]:
        for name in dict.fromkeys((*LOOPBACK_NAMES, bracketed(plain_address(address)), *self.own)):
            yield Origin(scheme, name, port)
        yield from self.public


@lru_cache(maxsize=256)
def known(names: AllowedNames, address: str, port: int, scheme: str) -> tuple[frozenset[str], frozenset[str]]:
    """Hosts and origins of a connection; asked at every request, so kept."""
    return names.hosts(address, port, scheme), names.origins(address, port, scheme)
