"""The rate limiter as its owner has it: which processes there are, how they are started, healed and stopped."""

import asyncio
import json
import os
from dataclasses import asdict
from typing import Any

from redis.exceptions import RedisError

from demo.chaos.child import Child, birth_of, module
from demo.errors import SubjectError
from demo.subjects.parts.part import Part
from demo.subjects.ratelimiter.redis_server import find_server, redis_child
from demo.subjects.ratelimiter.target import Spec, Target
from demo.subjects.ratelimiter.wiring import NODES, Settings, Wiring

CONFIRM_SEC = 3.0
BY_HAND = "end this show: all processes of its system end with it"
PACKAGE = "demo.subjects.ratelimiter"


class System(Target[Part]):
    """Nothing of it outlives this process."""

    def __init__(self, settings: Settings) -> None:
        self._server_path = ""
        self._one_at_a_time = asyncio.Lock()
        self._stopped = False
        ours = os.getpid()
        super().__init__(Wiring.new(settings), ours, birth_of(ours), BY_HAND)

    # Wiring.

    def _make(self, spec: Spec) -> Part:
        if spec.kind == "redis":
            return Part(spec.id, spec.kind, spec.port, spec.probe, self._redis_child, confirm=self._is_ours)
        # Secrets travel by pipe: a command line or an environment could be read by others.
        line = json.dumps(self._told(spec)).encode()

        def make() -> Child:
            return Child(spec.id, module(f"{PACKAGE}.{spec.kind}"), line)

        return Part(spec.id, spec.kind, spec.port, spec.probe, make, spec.links)

    def _redis_child(self) -> Child:
        return redis_child(self._server_path, self.wiring.ports["redis"], self.wiring.password)

    def _told(self, spec: Spec) -> dict[str, Any]:
        """What a process of ours reads on stdin."""
        ports, settings = self.wiring.ports, self.settings
        common = {
            "port": spec.port,
            "token": self.token,
            "redis_port": ports["redis"],
            "redis_password": self.wiring.password,
            "backend_port": ports["backend"],
            "limits": [asdict(limit) for limit in settings.limits],
        }
        if spec.kind == "node":
            timeout = settings.redis_timeout_sec
            return common | {"id": spec.id, "fallback": settings.fallback, "redis_timeout_sec": timeout}
        if spec.kind == "traffic":
            return common | {"node_ports": [ports[name] for name in NODES], "load": settings.load}
        return common

    async def _is_ours(self, child: Child) -> bool:
        """By the number of the process that answers; patient, for a wrong no would end our own Redis."""
        client = self.lines.connect(CONFIRM_SEC)
        try:
            said = await client.info("server")
        except (RedisError, OSError):
            return False
        finally:
            await client.aclose()
        return bool(said.get("process_id") == child.pid)

    # Life.

    def check(self) -> None:
        """Looks for a server program, once. Raises `SubjectError` with the command that installs one."""
        if not self._server_path:
            self._server_path = find_server()

    async def start(self) -> None:
        """All parts at once."""
        await self.heal()

    async def heal(self) -> None:
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
            await asyncio.to_thread(self.check)
        except SubjectError:
            for part in self.parts:
                part.give_up("no redis-server found" if part is self.redis else "not started")
            raise

    async def stop(self) -> None:
        """Ends and reaps every process."""
        self._stopped = True
        ended = await asyncio.gather(*(part.stop() for part in self.parts), return_exceptions=True)
        await self.lines.close()
        for error in ended:
            if isinstance(error, BaseException):
                raise error
