"""The address that phones are told: the likeliest one of this machine, kept while it lasts; a change is always said."""

import socket
import time
from collections.abc import Callable

from demo.web.access.interfaces import LocalAddress, by_likelihood, local_addresses
from demo.web.access.origins import is_loopback, plain_address

LOOK_EVERY_SEC = 2.0

NO_NETWORK = "this machine has no address on a network: no phone can get here until it has one"
ONLY_IPV6 = "this machine has only IPv6 addresses: --host :: lets phones in"

_ELSEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses of documentation: asking for the way there sends nothing."""


class PhoneAddress:
    """Chosen when it is first asked for. `pinned`: the one that `--host` named, whatever else there is.

    `ipv6`: the server listens on IPv6 too. `look` gives this machine's addresses, None where that is not known.
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
        self._looked_at = 0.0
        self._is_lost = False

    @property
    def chosen(self) -> str:
        """Empty while no address is known that a phone could reach."""
        if not self._chosen:
            self._chosen = next((one.address for one in self._usable()), "")
        return self._chosen

    @property
    def others(self) -> tuple[LocalAddress, ...]:
        """What a phone may try that does not get there."""
        chosen = self.chosen
        return () if self._is_pinned else tuple(one for one in self._usable() if one.address != chosen)

    @property
    def lacking(self) -> str:
        """Why no phone can get here; empty while one can."""
        if self.chosen:
            return ""
        return ONLY_IPV6 if self._found() else NO_NETWORK

    def check(self) -> str:
        """What has changed, in words; empty when nothing did. Called often, it looks now and then."""
        now = self._clock()
        if now - self._looked_at < LOOK_EVERY_SEC:
            return ""
        self._looked_at = now
        there = self._look()
        if there is None:
            return ""
        if not self._chosen:
            return f"phones can get here now, at {self.chosen}" if self.chosen else ""
        if any(one.address == self._chosen for one in there):
            was_lost, self._is_lost = self._is_lost, False
            return f"this machine has its address {self._chosen} again" if was_lost else ""
        return self._replace()

    def _replace(self) -> str:
        """Choose another in place of the one that is gone, and say so; once, where there is no other."""
        found = () if self._is_pinned else self._usable()
        was_lost, self._is_lost = self._is_lost, not found
        text = f"this machine has lost its address {self._chosen}, the one that phones were told"
        if not found:
            return "" if was_lost else f"{text}, and has no other: is it still on the network?"
        self._chosen = found[0].address
        return f"{text}: from now on that is {self._chosen}; phones that are here must open the stage there"

    def _usable(self) -> tuple[LocalAddress, ...]:
        found = self._found()
        there = _by_the_way_out() if found is None else found
        return tuple(one for one in there if self._ipv6 or ":" not in one.address)

    def _found(self) -> tuple[LocalAddress, ...] | None:
        found = self._look()
        return None if found is None else by_likelihood(found, way_out(socket.AF_INET) or way_out(socket.AF_INET6))


def _by_the_way_out() -> tuple[LocalAddress, ...]:
    """Where the system does not list its addresses."""
    ways = (way_out(socket.AF_INET), way_out(socket.AF_INET6))
    return tuple(LocalAddress(way, "") for way in ways if way is not None)


def way_out(family: socket.AddressFamily) -> str | None:
    """This machine's own address towards the internet; None without one."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((_ELSEWHERE[family], 9))
            found = plain_address(probe.getsockname()[0])
    except OSError:
        return None
    return None if is_loopback(found) or found in ("0.0.0.0", "::") else found  # noqa: S104 - compared with
