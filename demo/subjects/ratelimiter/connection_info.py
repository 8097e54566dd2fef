"""What is needed to talk to a running rate limiter: ports, secrets, settings. Also as JSON, for attaching to it."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import aiohttp
from redis.asyncio import Redis

from demo.probes import http, redis
from demo.probes.http import HttpProbe
from demo.processes import proof_of_identity
from demo.processes.port_owner import PortOwner
from demo.processes.ports import free_ports
from demo.processes.service_auth import HOST
from demo.subjects.ratelimiter.limits import LIMITS, RateLimit
from demo.subjects.ratelimiter.redis_client import connect

NODES = ("node-1", "node-2", "node-3")


@dataclass(frozen=True)
class LimiterSettings:
    """`fallback`: what a node does while Redis does not answer. `load` multiplies the steady rate of every key.

    `base_port`: the first of six consecutive ports; None uses free ones.
    """

    fallback: str = "local"
    limits: tuple[RateLimit, ...] = LIMITS
    load: float = 1.0
    redis_timeout_sec: float = 0.5
    base_port: int | None = None


@dataclass(frozen=True)
class ConnectionInfo:
    """`show` names one run of the system. `ports`: of each process by its id. `token` and `password` give access."""

    show: str
    token: str
    password: str
    ports: Mapping[str, int]
    settings: LimiterSettings

    @classmethod
    def new(cls, settings: LimiterSettings) -> "ConnectionInfo":
        names = ("redis", "backend", "traffic", *NODES)
        first = settings.base_port
        ports = free_ports(len(names)) if first is None else range(first, first + len(names))
        by_name = dict(zip(names, ports, strict=True))
        return cls(secrets.token_hex(8), secrets.token_hex(16), secrets.token_hex(16), by_name, settings)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ConnectionInfo":
        """Rebuild it from the result of `to_json`. Raises `KeyError` or `TypeError` for anything else."""
        settings = dict(data["settings"])
        settings["limits"] = tuple(RateLimit(**limit) for limit in settings["limits"])
        return cls(**{**data, "settings": LimiterSettings(**settings)})


class SystemConnections:
    """This process's connections to the system's processes, shared by probes and faults. `close()` ends them for good.

    `owner`: the pid of the process whose children the system's processes are.
    """

    def __init__(self, wiring: ConnectionInfo, owner: int) -> None:
        self._wiring = wiring
        self._redis_owner = PortOwner(wiring.ports["redis"], owner)
        self._session: aiohttp.ClientSession | None = None
        self._redis: Redis | None = None

    def url(self, port: int) -> str:
        return f"http://{HOST}:{port}"

    def probe(
        self,
        part: str,
        path: str = "health",
        within_sec: float = http.TIMEOUT_SEC,
        posts: Mapping[str, Any] | None = None,
    ) -> HttpProbe:
        """Return a probe of a process that accepts only that process's own answer; `posts` is sent as JSON."""
        url = f"{self.url(self._wiring.ports[part])}/{path}"
        asking = partial(proof_of_identity.SignedRequest, self._wiring.token, part)
        return HttpProbe(self.session, url, timeout_sec=within_sec, posts=posts, asking=asking)

    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2.0))
        return self._session

    def redis_client(self) -> Redis:
        if self._redis is None:
            self._redis = self.connect(redis.TIMEOUT_SEC)
        return self._redis

    def connect(self, answer_sec: float) -> Redis:
        return connect(self._redis_owner, self._wiring.password, answer_sec)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
        if self._redis is not None:
            await self._redis.aclose()
