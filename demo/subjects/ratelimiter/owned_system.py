"""The rate limiter as its owner has it: which processes there are, how they are started, healed and stopped."""

import asyncio
import itertools
import json
import os
import time
from dataclasses import asdict
from typing import Any

from demo.errors import SubjectError
from demo.processes.child import Child, module, start_time_of
from demo.processes.port_owner import taken_by
from demo.processes.ports import is_free
from demo.processes.supervised import SupervisedProcess
from demo.subjects.ratelimiter.connection_info import NODES, ConnectionInfo, Settings
from demo.subjects.ratelimiter.limiter_system import LimiterSystem, Spec
from demo.subjects.ratelimiter.redis_server import find_server, redis_child

LEFT_SEC = 1.0
BY_HAND = "end this show: all processes of its system end with it"
PACKAGE = "demo.subjects.ratelimiter"


class OwnedSystem(LimiterSystem[SupervisedProcess]):
    """Nothing of it outlives this process."""

    def __init__(self, settings: Settings) -> None:
        self._server_path = ""
        self._one_at_a_time = asyncio.Lock()
        self._stopped = False
        ours = os.getpid()
        super().__init__(ConnectionInfo.new(settings), ours, start_time_of(ours), BY_HAND)

    # Wiring.

    def _make(self, spec: Spec) -> SupervisedProcess:
        if spec.kind == "redis":
            return SupervisedProcess(spec.id, spec.kind, spec.port, spec.probe, self._redis_child)
        # Secrets travel by pipe: a command line or an environment could be read by others.
        lives = itertools.count()

        def make() -> Child:
            told = self._told(spec) | {"forgot": next(lives) > 0}
            return Child(spec.id, module(f"{PACKAGE}.{spec.kind}"), json.dumps(told).encode())

        return SupervisedProcess(spec.id, spec.kind, spec.port, spec.probe, make, spec.links)

    def _redis_child(self) -> Child:
        return redis_child(self._server_path, self.wiring.ports["redis"], self.wiring.password)

    def _told(self, spec: Spec) -> dict[str, Any]:
        """What a process of ours reads on stdin."""
        ports, settings = self.wiring.ports, self.settings
        common = {
            "id": spec.id,
            "port": spec.port,
            "token": self.token,
            "redis_port": ports["redis"],
            "redis_password": self.wiring.password,
            "backend_port": ports["backend"],
            "limits": [asdict(limit) for limit in settings.limits],
        }
        if spec.kind == "node":
            timeout = settings.redis_timeout_sec
            return common | {"fallback": settings.fallback, "redis_timeout_sec": timeout}
        if spec.kind == "traffic":
            return common | {"nodes": {name: ports[name] for name in NODES}, "load": settings.load}
        return common

    # Life.

    def check(self) -> None:
        """Looks for a server program and free ports. Raises `SubjectError` with what to do."""
        self._find_server()
        if self.settings.base_port is not None:
            self._check_ports()

    def _find_server(self) -> None:
        """Once."""
        if not self._server_path:
            self._server_path = find_server()

    def _check_ports(self) -> None:
        """Patient, for a moment: a system that was just killed may still hold them."""
        until = time.monotonic() + LEFT_SEC
        while taken := [port for port in self.wiring.ports.values() if not is_free(port)]:
            if time.monotonic() > until:
                break
            time.sleep(0.05)
        if taken:
            said = ", ".join(taken_by(port) for port in taken)
            raise SubjectError(f"{said}: end what uses it, or choose another --base-port")

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
            await asyncio.to_thread(self._find_server)
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
