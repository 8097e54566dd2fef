"""Token buckets: guesses are slowed down, for each address and in total. Nobody is ever banned."""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable

MAX_ADDRESSES = 10_000
"""Buckets kept at once; the one that was idle longest goes first."""


class Bucket:
    """Holds up to `most` tokens and gains `per_sec` of them a second."""

    __slots__ = ("_at", "_left", "_most", "_per_sec")

    def __init__(self, most: float, per_sec: float, now: float) -> None:
        self._most, self._per_sec = most, per_sec
        self._left, self._at = most, now

    def wait(self, now: float) -> float:
        """Seconds until there is a token; 0 when there is one now."""
        self._left = min(self._most, self._left + max(0.0, now - self._at) * self._per_sec)
        self._at = now
        return max(0.0, (1 - self._left) / self._per_sec)

    def take(self) -> None:
        """Take the token that `wait` has seen."""
        self._left -= 1


class RateLimiter:
    """`hold(address)` says how long a guess from there has to wait. One network behind one address is one address."""

    def __init__(
        self,
        at_once: int = 5,
        per_sec: float = 0.5,
        total_per_sec: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._at_once, self._per_sec = at_once, per_sec
        self._clock = clock
        self._total = Bucket(total_per_sec, total_per_sec, clock())
        self._by_address: OrderedDict[str, Bucket] = OrderedDict()

    def hold(self, address: str) -> int:
        """0 and the guess counts, or the whole seconds after which it may be tried."""
        now, key = self._clock(), _network(address)
        bucket = self._by_address.pop(key, None) or Bucket(self._at_once, self._per_sec, now)
        self._by_address[key] = bucket
        if len(self._by_address) > MAX_ADDRESSES:
            self._by_address.popitem(last=False)
        wait = max(bucket.wait(now), self._total.wait(now))
        if wait > 0:
            return math.ceil(wait)
        bucket.take()
        self._total.take()
        return 0


def _network(address: str) -> str:
    """An IPv6 host has a whole /64 to itself, so that counts as one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return address
    return str(ipaddress.ip_network((found, 64), strict=False))
