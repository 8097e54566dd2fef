"""The rate limiter as a whole: which processes there are, how they are wired, started, healed and stopped."""

import asyncio
import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp
from redis.asyncio import Redis
from redis.exceptions import RedisError

from demo.chaos.child import Child, module
from demo.errors import SubjectError
from demo.health.http import HttpProbe
from demo.health.redis import DEADLINE_SEC, RedisProbe
from demo.subjects.ratelimiter.limits import LIMITS, Limit
from demo.subjects.ratelimiter.part import Part
from demo.subjects.ratelimiter.ports import free_ports
from demo.subjects.ratelimiter.redis_client import connect
from demo.subjects.ratelimiter.redis_server import find_server, redis_child
from demo.subjects.ratelimiter.wire import HOST, TOKEN_HEADER

NODES = ("node-1", "node-2", "node-3")
CONFIRM_SEC = 3.0
PACKAGE = "demo.subjects.ratelimiter"


@dataclass(frozen=True)
class Settings:
    """`fallback`: what a node does while Redis does not answer. `load` multiplies the steady rate of every key.

    `base_port`: the first of six ports; None takes free ones.
    """

    fallback: str = "local"
    limits: tuple[Limit, ...] = LIMITS
    load: float = 1.0
    redis_timeout_sec: float = 0.5
    base_port: int | None = None


class System:
    """`show` names this run of it; nothing of it outlives this process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.show = secrets.token_hex(8)
        self.token = secrets.token_hex(16)
        self._password = secrets.token_hex(16)
        count = len(NODES) + 3
        first = settings.base_port
        ports = free_ports(count) if first is None else list(range(first, first + count))
        self.redis_port, self.backend_port, self.traffic_port, *self.node_ports = ports
        self._session: aiohttp.ClientSession | None = None
        self._redis: Redis | None = None
        self._server_path = ""
        self._one_at_a_time = asyncio.Lock()
        self._stopped = False
        self.redis = self._redis_part()
        self.nodes = tuple(self._node(name, port) for name, port in zip(NODES, self.node_ports, strict=True))
        self.backend = self._service("backend", "backend", self.backend_port, {}, ("redis",))
        callers = {"node_ports": self.node_ports, "load": settings.load}
        self.traffic = self._service("traffic", "traffic", self.traffic_port, callers, NODES)

    @property
    def parts(self) -> tuple[Part, ...]:
        return (self.redis, *self.nodes, self.backend, self.traffic)

    # Wiring.

    def _redis_part(self) -> Part:
        def make() -> Child:
            return redis_child(self._server_path, self.redis_port, self._password)

        probe = RedisProbe(self.redis_client)
        return Part("redis", "redis", self.redis_port, probe, make, confirm=self._is_ours)

    def _node(self, name: str, port: int) -> Part:
        extra = {"id": name, "fallback": self.settings.fallback, "redis_timeout_sec": self.settings.redis_timeout_sec}
        return self._service(name, "node", port, extra, ("redis", "backend"))

    def _service(self, name: str, kind: str, port: int, extra: dict[str, Any], links: Sequence[str]) -> Part:
        config = {
            "port": port,
            "token": self.token,
            "redis_port": self.redis_port,
            "redis_password": self._password,
            "backend_port": self.backend_port,
            "limits": [asdict(limit) for limit in self.settings.limits],
            **extra,
        }
        # Secrets travel by pipe: a command line or an environment could be read by others.
        line = json.dumps(config).encode()
        probe = HttpProbe(self.session, f"{self.url(port)}/health", {TOKEN_HEADER: self.token})
        return Part(name, kind, port, probe, lambda: Child(name, module(f"{PACKAGE}.{kind}"), line), tuple(links))

    def url(self, port: int) -> str:
        return f"http://{HOST}:{port}"

    # Connections of this process, shared by probes and faults.

    def session(self) -> aiohttp.ClientSession:
        """Closed by `stop()`, and not opened again."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2.0))
        return self._session

    def redis_client(self) -> Redis:
        if self._redis is None:
            self._redis = self.connect(DEADLINE_SEC)
        return self._redis

    def connect(self, answer_sec: float) -> Redis:
        return connect(self.redis_port, self._password, answer_sec)

    async def _is_ours(self, child: Child) -> bool:
        """By the number of the process that answers; patient, for a wrong no would end our own Redis."""
        client = self.connect(CONFIRM_SEC)
        try:
            said = await client.info("server")
        except (RedisError, OSError):
            return False
        finally:
            await client.aclose()
        return bool(said.get("process_id") == child.pid)

    # Life.

    def find_redis(self) -> None:
        """Looks for a server program, once. Raises `SubjectError` with the command that installs one."""
        if not self._server_path:
            self._server_path = find_server()

    async def start(self) -> None:
        """All parts at once; returns when every probe says up. Raises `SubjectError`."""
        await self.heal()

    async def heal(self) -> None:
        """Brings back what is dead or silent. Raises `SubjectError` that names what did not come back."""
        async with self._one_at_a_time:
            await self._look_for_redis()
            done = await asyncio.gather(*(part.bring_back() for part in self.parts), return_exceptions=True)
        for trouble in done:
            if isinstance(trouble, BaseException) and not isinstance(trouble, SubjectError):
                raise trouble
        troubles = [str(trouble) for trouble in done if trouble is not None]
        if troubles:
            raise SubjectError("; ".join(troubles))

    async def _look_for_redis(self) -> None:
        if self._stopped:
            raise SubjectError("the system was stopped")
        try:
            await asyncio.to_thread(self.find_redis)
        except SubjectError:
            for part in self.parts:
                part.give_up("no redis-server found" if part is self.redis else "not started")
            raise

    async def stop(self) -> None:
        """Ends and reaps every process. Safe to call twice, or without a start."""
        self._stopped = True
        ended = await asyncio.gather(*(part.stop() for part in self.parts), return_exceptions=True)
        if self._session is not None:
            await self._session.close()
        if self._redis is not None:
            await self._redis.aclose()
        for error in ended:
            if isinstance(error, BaseException):
                raise error
