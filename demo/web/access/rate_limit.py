"""Rate limit for guesses of codes and tokens: token buckets for each address and in total. Nobody is ever banned."""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable

MAX_ADDRESSES = 10_000
"""Buckets kept at once; beyond that the least recently used one is dropped."""


class Bucket:
    """Holds up to `max_tokens` tokens and gains `per_sec` of them a second."""

    __slots__ = ("_max_tokens", "_per_sec", "_tokens", "_updated_at")

    def __init__(self, max_tokens: float, per_sec: float, now: float) -> None:
        self._max_tokens, self._per_sec = max_tokens, per_sec
        self._tokens, self._updated_at = max_tokens, now

    def wait(self, now: float) -> float:
        """Return the seconds until there is a token; 0 when there is one now."""
        self._tokens = min(self._max_tokens, self._tokens + max(0.0, now - self._updated_at) * self._per_sec)
        self._updated_at = now
        return max(0.0, (1 - self._tokens) / self._per_sec)

    def take(self) -> None:
        """Take one token; only after `wait` has returned 0."""
        self._tokens -= 1


class GuessLimiter:
    """Limits guesses by address: `at_once` in a row, then `per_sec` a second; and `total_per_sec` from everywhere.

    All clients behind one NAT or proxy count as one address.
    """

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

    def delay_sec(self, address: str) -> int:
        """Count a guess and return 0, or return the whole seconds after which it may be tried again."""
        now, key = self._clock(), _get_bucket_key(address)
        # Taken out and put back at the end, so that the first entry is the one least recently used.
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


def _get_bucket_key(address: str) -> str:
    """Return what shares one bucket: an IPv4 address, or an IPv6 /64, of which one host may use every address."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return address
    return str(ipaddress.ip_network((ip, 64), strict=False))
