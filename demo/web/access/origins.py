"""The names of this server: exactly which Host headers and Origins are its own."""

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
# Neither ".." nor "%": a proxy and this server could read such a path differently.
_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*")
_OWN_SEGMENTS = {template.split("/")[1] for _, template in RULES}
_EXAMPLE = "give a name as people type it: demo.local, demo.local:8080 or https://demo.example/talks"


@dataclass(frozen=True, slots=True)
class Origin:
    """One origin, as browsers see it. `path`: the path below which a proxy serves it, as in "/talks"."""

    scheme: str
    name: str
    port: int
    path: str = ""

    @property
    def origin(self) -> str:
        """The Origin header of its pages: without the port where that is the scheme's default."""
        usual = self.port == _PORTS[self.scheme]
        return f"{self.scheme}://{self.name}" if usual else f"{self.scheme}://{self.name}:{self.port}"

    @property
    def url(self) -> str:
        """The URL that people type, without a slash at the end."""
        return self.origin + self.path

    @property
    def hosts(self) -> tuple[str, ...]:
        """The Host headers of requests to it."""
        usual = self.port == _PORTS[self.scheme]
        return (self.name, f"{self.name}:{self.port}") if usual else (f"{self.name}:{self.port}",)


def parse_public_name(text: str, scheme: str, port: int) -> Origin:
    """Parse a `--public-name`; `scheme` and `port`, the server's own, are the defaults. Raises `UsageError`."""
    origin = _parse("--public-name", text, scheme, port)
    first = origin.path.split("/")[1:2]
    # Such a path could be read in two ways, for a proxy may remove the path in front or pass it on.
    if first and first[0] in _OWN_SEGMENTS:
        raise UsageError(f"--public-name {text!r}: the server has a page of its own at /{first[0]}, take another path")
    return origin


def parse_join(text: str) -> str:
    """Parse a `--join`: the URL where the audience opens the stage, "" for `off`. Raises `UsageError`."""
    return "" if text.strip().lower() == "off" else f"{_parse('--join', text, 'https', _PORTS['https']).url}/"


def _parse(option: str, text: str, scheme: str, port: int) -> Origin:
    own_scheme, separator, rest = text.strip().partition("://")
    if separator and own_scheme.lower() not in _PORTS:
        raise UsageError(f"{option} {text!r} is neither http nor https: {_EXAMPLE}")
    if separator:
        scheme, port = own_scheme.lower(), _PORTS[own_scheme.lower()]
    try:
        parts = urlsplit(f"//{rest if separator else text.strip()}")
        name, own_port = parts.hostname or "", parts.port
    except ValueError:
        name, own_port, parts = "", None, urlsplit("")
    path = parts.path.rstrip("/")
    if not _PATH.fullmatch(path) or parts.query or parts.fragment or "@" in parts.netloc or not _is_name(name):
        raise UsageError(f"{option} {text!r} is not a name: {_EXAMPLE}")
    if own_port == 0:
        raise UsageError(f"{option} {text!r} has port 0, which no page can have: {_EXAMPLE}")
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
    """Return an address without its zone, and an IPv4-mapped IPv6 address as IPv4; other text as it is."""
    text = text.partition("%")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def bracketed(name: str) -> str:
    """Write a name or address as in a URL: an IPv6 address in brackets, a name in lower case."""
    return f"[{name}]" if ":" in name else name.lower()


def is_loopback(address: str) -> bool:
    """Return whether only this machine can reach a server that is bound to `address`."""
    if address.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(plain_address(address.strip("[]"))).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class AllowedNames:
    """The names of a server: the public ones, and those that depend on the address a connection came to."""

    public: tuple[Origin, ...] = ()
    own: tuple[str, ...] = field(default=())
    """The value of `--host`, where that was a name and not an address."""

    def hosts(self, address: str, port: int, scheme: str) -> frozenset[str]:
        """Return every Host header that is accepted on a connection to this address, in lower case."""
        return frozenset(host for origin in self._list_origins(address, port, scheme) for host in origin.hosts)

    def origins(self, address: str, port: int, scheme: str) -> frozenset[str]:
        """Return every Origin that means a page of this server."""
        return frozenset(origin.origin for origin in self._list_origins(address, port, scheme))

    def _list_origins(self, address: str, port: int, scheme: str) -> Iterable[Origin]:
        for name in dict.fromkeys((*LOOPBACK_NAMES, bracketed(plain_address(address)), *self.own)):
            yield Origin(scheme, name, port)
        yield from self.public


@lru_cache(maxsize=256)
def accepted_names(names: AllowedNames, address: str, port: int, scheme: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the accepted Host headers and Origins of a connection; cached, for every request needs them."""
    return names.hosts(address, port, scheme), names.origins(address, port, scheme)
