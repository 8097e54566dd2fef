"""All proxies of a show, and its toxics by name: each is added and removed independently, by name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo.clock import uptime
from demo.errors import FaultError, SubjectError
from demo.proxy.address import Address
from demo.proxy.flow import FlowResources
from demo.proxy.proxy import Proxy
from demo.proxy.route import ProxyRoute
from demo.proxy.toxic import Toxic

MAX_REMEMBERED = 10_000


@dataclass
class _Entry:
    toxic: Toxic
    expires_at: float | None


class ProxyTable:
    """The proxies of one process. `now` returns seconds, those for which the machine slept included."""

    def __init__(self, shared: FlowResources, now: Callable[[], float] = uptime) -> None:
        self._shared = shared
        self._now = now
        self._proxies: dict[str, Proxy] = {}
        self._toxics: dict[str, _Entry] = {}
        self._tombstones: dict[str, None] = {}
        """Names of toxics that have ended: a request to add one, which comes late, must not break anything again."""

    async def set_routes(self, routes: Sequence[ProxyRoute]) -> None:
        """Have exactly these proxies; one that stays the same keeps its connections. Raises `SubjectError`."""
        wanted = {route.name: route for route in routes}
        by_address: dict[Address, str] = {}
        for route in routes:
            if (other := by_address.setdefault(route.listen, route.name)) != route.name:
                raise SubjectError(f"proxies {other!r} and {route.name!r} both listen on {route.listen}")
        for name, proxy in list(self._proxies.items()):
            if wanted.get(name) != proxy.route:
                self._drop(name)
        for name, route in wanted.items():
            if name not in self._proxies:
                proxy = Proxy(route, self._shared)
                await proxy.open()
                self._proxies[name] = proxy

    def _drop(self, name: str) -> None:
        self._proxies.pop(name).close()
        for toxic_name in [key for key, entry in self._toxics.items() if entry.toxic.proxy == name]:
            self._end(toxic_name)

    def add(self, name: str, toxic: Toxic, expires_sec: float | None) -> None:
        """Add a toxic, or renew its time if it is there; it ends by itself after `expires_sec`. Raises `FaultError`."""
        proxy = self._proxies.get(toxic.proxy)
        if proxy is None:
            names = ", ".join(self._proxies) or "none"
            raise FaultError(f"there is no proxy {toxic.proxy!r}; there are: {names}")
        if name in self._tombstones:
            raise FaultError(f"the toxic {name!r} was removed already: nothing was changed")
        expires_at = None if expires_sec is None else self._now() + expires_sec
        entry = self._toxics.get(name)
        if entry is None:
            self._toxics[name] = _Entry(toxic, expires_at)
            proxy.add(name, toxic)
        elif entry.toxic == toxic:
            entry.expires_at = expires_at
        else:
            raise FaultError(f"there is another toxic {name!r} on proxy {entry.toxic.proxy!r}: remove it first")

    def remove(self, name: str) -> bool:
        """End a toxic for good; return whether it was there. Raises `SubjectError` if its proxy cannot listen again."""
        entry = self._toxics.get(name)
        if entry is not None:
            self._proxies[entry.toxic.proxy].remove(name)
        self._end(name)
        return entry is not None

    def remove_expired(self) -> list[str]:
        """End the toxics whose time is over, and return their names; one whose port is taken is tried again later."""
        now = self._now()
        over = [
            name for name, entry in self._toxics.items() if entry.expires_at is not None and entry.expires_at <= now
        ]
        ended = []
        for name in over:
            try:
                self.remove(name)
            except SubjectError:
                continue
            ended.append(name)
        return ended

    def _end(self, name: str) -> None:
        self._toxics.pop(name, None)
        self._tombstones[name] = None
        if len(self._tombstones) > MAX_REMEMBERED:
            del self._tombstones[next(iter(self._tombstones))]

    def describe(self) -> Mapping[str, Any]:
        """Return all proxies with their counters, and all toxics with the seconds they have left, as JSON."""
        now = self._now()
        return {
            "proxies": {name: proxy.describe() for name, proxy in self._proxies.items()},
            "toxics": {
                name: {
                    "toxic": entry.toxic.to_json(),
                    "expires_in_sec": None if entry.expires_at is None else max(0.0, entry.expires_at - now),
                }
                for name, entry in self._toxics.items()
            },
        }

    def close(self) -> None:
        for name in list(self._proxies):
            self._drop(name)
