"""The route of one proxy: where it listens, and where its connections lead. Plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demo.errors import InvalidValue
from demo.proxy.address import Address, parse_address


@dataclass(frozen=True, slots=True)
class ProxyRoute:
    """One proxy of a show. Raises `InvalidValue` when it would lead to itself."""

    name: str
    listen: Address
    to: Address

    def __post_init__(self) -> None:
        if self.listen == self.to:
            raise InvalidValue(f"proxy {self.name!r} would connect to itself: listen and to are both {self.to}")

    @classmethod
    def read(cls, name: str, listen: str, to: str) -> "ProxyRoute":
        """Return it from addresses as they are written. Raises `InvalidValue`, which names the proxy."""
        try:
            return cls(name, parse_address(listen), parse_address(to))
        except InvalidValue as error:
            raise error if name in str(error) else InvalidValue(f"proxy {name!r}: {error}") from None

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "listen": str(self.listen), "to": str(self.to)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ProxyRoute":
        return cls.read(str(data["name"]), str(data["listen"]), str(data["to"]))

    @property
    def exposure(self) -> str:
        """A warning if programs of other machines can use it, else ""."""
        if self.listen.is_loopback:
            return ""
        return (
            f"proxy {self.name!r} listens on {self.listen}: whoever reaches that address reaches {self.to} through it. "
            f"Write 127.0.0.1:{self.listen.port} unless other machines or containers have to use it"
        )
