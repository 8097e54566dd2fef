"""Addresses `host:port` of a proxy: read, and whether others on the network can reach them."""

import ipaddress
from dataclasses import dataclass

from demo.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class Address:
    """`host`: a name or an IP address, an IPv6 address without its brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Return whether only programs of this machine can use it; False for a name that is not `localhost`."""
        literal = self.literal
        return literal.is_loopback if literal is not None else self.host.rstrip(".").lower() == "localhost"

    @property
    def literal(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """The IP address, if it is one and no name."""
        try:
            return ipaddress.ip_address(self.host.partition("%")[0])
        except ValueError:
            return None


def parse_address(text: str) -> Address:
    """Return the address in `127.0.0.1:6380`, `db:5432` or `[::1]:6380`. Raises `InvalidValue`."""
    host, colon, port_text = text.strip().rpartition(":")
    if not colon or not port_text:
        example = f"127.0.0.1:{text.strip()}" if text.strip().isdecimal() else f"{text.strip() or '127.0.0.1'}:6380"
        raise InvalidValue(f"{text!r} is not a valid address: write host and port, like {example}")
    if not (port_text.isascii() and port_text.isdecimal()) or not 1 <= int(port_text) <= 65535:
        raise InvalidValue(f"{text!r}: the port must be a number from 1 to 65535")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif "/" not in host and ":" in host:
        raise InvalidValue(f"{text!r}: an IPv6 address stands in brackets, like [{host}]:{port_text}")
    if not host or "/" in host or any(letter.isspace() for letter in host):
        raise InvalidValue(f"{text!r} is not a valid address: write host and port, like 127.0.0.1:{port_text}")
    return Address(host, int(port_text))
