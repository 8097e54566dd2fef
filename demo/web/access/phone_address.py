"""The address in the links for phones: this machine's likeliest one, kept until it is lost; changes are reported."""

import socket
import time
from collections.abc import Callable

from demo.web.access.interfaces import LocalAddress, by_likelihood, local_addresses
from demo.web.access.origins import is_loopback, plain_address

LOOK_EVERY_SEC = 2.0

NO_NETWORK = "this machine has no address on a network: no phone can reach it until it has one"
ONLY_IPV6 = "this machine has only IPv6 addresses: --host :: lets phones in"

_REMOTE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses that are reserved for documentation (RFC 5737, RFC 3849): only their route is looked up."""


class PhoneAddress:
    """The address for phones, chosen when it is first needed. `pinned`: the one of `--host`, which never changes.

    `ipv6`: the server listens on IPv6 too. `look` returns this machine's addresses, None where they are not known.
    """

    def __init__(
        self,
        pinned: str = "",
        *,
        ipv6: bool = False,
        look: Callable[[], tuple[LocalAddress, ...] | None] = local_addresses,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._chosen = pinned
        self._is_pinned = bool(pinned)
        self._ipv6 = ipv6
        self._look = look
        self._clock = clock
        self._checked_at = 0.0
        self._is_lost = False

    @property
    def chosen(self) -> str:
        """The address; empty while none is known that a phone could reach."""
        if not self._chosen:
            self._chosen = next((one.address for one in self._find_usable()), "")
        return self._chosen

    @property
    def others(self) -> tuple[LocalAddress, ...]:
        """Other addresses for a phone that cannot reach `chosen`."""
        chosen = self.chosen
        return () if self._is_pinned else tuple(one for one in self._find_usable() if one.address != chosen)

    @property
    def why_unreachable(self) -> str:
        """Why no phone can reach this machine; empty while one can."""
        if self.chosen:
            return ""
        return ONLY_IPV6 if self._find_addresses() else NO_NETWORK

    def check(self) -> str:
        """Describe what has changed since the last call; empty when nothing has.

        May be called often: it checks every `LOOK_EVERY_SEC`.
        """
        now = self._clock()
        if now - self._checked_at < LOOK_EVERY_SEC:
            return ""
        self._checked_at = now
        addresses = self._look()
        if addresses is None:  # This system does not list them: a loss cannot be noticed.
            return ""
        if not self._chosen:
            return f"phones can reach this machine now, at {self.chosen}" if self.chosen else ""
        if any(one.address == self._chosen for one in addresses):
            was_lost, self._is_lost = self._is_lost, False
            return f"this machine has its address {self._chosen} again" if was_lost else ""
        return self._choose_another()

    def _choose_another(self) -> str:
        """Choose another address in place of the lost one, and describe that; where there is none, only once."""
        others = () if self._is_pinned else self._find_usable()
        was_lost, self._is_lost = self._is_lost, not others
        text = f"this machine has lost its address {self._chosen}, which the links for phones use"
        if not others:
            return "" if was_lost else f"{text}, and has no other: is it still on the network?"
        self._chosen = others[0].address
        return f"{text}: from now on they use {self._chosen}; connected phones must open the stage there"

    def _find_usable(self) -> tuple[LocalAddress, ...]:
        addresses = self._find_addresses()
        if addresses is None:
            addresses = _find_route_addresses()
        return tuple(one for one in addresses if self._ipv6 or ":" not in one.address)

    def _find_addresses(self) -> tuple[LocalAddress, ...] | None:
        addresses = self._look()
        if addresses is None:
            return None
        return by_likelihood(addresses, find_route_address(socket.AF_INET) or find_route_address(socket.AF_INET6))


def _find_route_addresses() -> tuple[LocalAddress, ...]:
    """Return the addresses towards the internet, for a system that does not list its interfaces."""
    addresses = (find_route_address(socket.AF_INET), find_route_address(socket.AF_INET6))
    return tuple(LocalAddress(address, "") for address in addresses if address is not None)


def find_route_address(family: socket.AddressFamily) -> str | None:
    """Return this machine's own address on the route towards the internet; None without such a route."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            # Connecting a UDP socket sends nothing: the kernel only chooses the route and the source address.
            probe.connect((_REMOTE[family], 9))
            address = plain_address(probe.getsockname()[0])
    except OSError:
        return None
    return None if is_loopback(address) or address in ("0.0.0.0", "::") else address  # noqa: S104 - compared with
