"""The rate limiter as its owner sees it: which processes there are, how they are started, healed and stopped."""

import asyncio
import itertools
import json
import os
import time
from dataclasses import asdict
from typing import Any

from demo.errors import SubjectError
from demo.processes.child import Child, build_module_command, start_time_of
from demo.processes.port_owner import taken_by
from demo.processes.ports import is_free
from demo.processes.supervised import SupervisedProcess
from demo.subjects.ratelimiter.connection_info import NODES, ConnectionInfo, LimiterSettings
from demo.subjects.ratelimiter.limiter_system import LimiterSystem, Spec
from demo.subjects.ratelimiter.redis_server import find_server, redis_child

LEFT_SEC = 1.0
BY_HAND = "end this show: all processes of its system end with it"
PACKAGE = "demo.subjects.ratelimiter"


class OwnedSystem(LimiterSystem[SupervisedProcess]):
    """A system whose processes are children of this one, and never outlive it."""

    def __init__(self, settings: LimiterSettings) -> None:
        self._server_path = ""
        self._lock = asyncio.Lock()
        self._stopped = False
        ours = os.getpid()
        super().__init__(ConnectionInfo.new(settings), ours, start_time_of(ours), BY_HAND)

    # Wiring.

    def _make(self, spec: Spec) -> SupervisedProcess:
        if spec.kind == "redis":
            return SupervisedProcess(spec.id, spec.kind, spec.port, spec.probe, self._redis_child)
        # Secrets are sent through a pipe: a command line or an environment could be read by others.
        starts = itertools.count()

        def make() -> Child:
            config = self._config_of(spec) | {"forgot": next(starts) > 0}
            return Child(spec.id, build_module_command(f"{PACKAGE}.{spec.kind}"), json.dumps(config).encode())

        return SupervisedProcess(spec.id, spec.kind, spec.port, spec.probe, make, spec.links)

    def _redis_child(self) -> Child:
        return redis_child(self._server_path, self.connection_info.ports["redis"], self.connection_info.password)

    def _config_of(self, spec: Spec) -> dict[str, Any]:
        """Return what one of our own processes reads on stdin."""
        ports, settings = self.connection_info.ports, self.settings
        common = {
            "id": spec.id,
            "port": spec.port,
            "token": self.token,
            "redis_port": ports["redis"],
            "redis_password": self.connection_info.password,
            "backend_port": ports["backend"],
            "limits": [asdict(limit) for limit in settings.limits],
        }
        if spec.kind == "node":
            timeout = settings.redis_timeout_sec
            return common | {"fallback": settings.fallback, "redis_timeout_sec": timeout}
        if spec.kind == "traffic":
            return common | {"nodes": {name: ports[name] for name in NODES}, "load": settings.load}
        return common

    # Start, heal, stop.

    def check(self) -> None:
        """Check for a server program and free ports. Raises `SubjectError` with what to do."""
        self._find_server()
        if self.settings.base_port is not None:
            self._check_ports()

    def _find_server(self) -> None:
        """Find the server program, once."""
        if not self._server_path:
            self._server_path = find_server()

    def _check_ports(self) -> None:
        """Check that the ports are free; wait for up to LEFT_SEC, as a system just killed may still hold them."""
        until = time.monotonic() + LEFT_SEC
        while taken := [port for port in self.connection_info.ports.values() if not is_free(port)]:
            if time.monotonic() > until:
                break
            time.sleep(0.05)
        if taken:
            holders = ", ".join(taken_by(port) for port in taken)
            raise SubjectError(f"{holders}: stop the program that uses it, or choose another --base-port")

    async def start(self) -> None:
        """Start all processes concurrently."""
        await self.heal()

    async def heal(self) -> None:
        async with self._lock:
            await self._require_redis()
            # All are restarted, even if one fails; the failures are raised together.
            results = await asyncio.gather(*(part.ensure_running() for part in self.parts), return_exceptions=True)
        for trouble in results:
            if isinstance(trouble, BaseException) and not isinstance(trouble, SubjectError):
                raise trouble
        troubles = [str(trouble) for trouble in results if trouble is not None]
        if troubles:
            raise SubjectError("; ".join(troubles))

    async def _require_redis(self) -> None:
        if self._stopped:
            raise SubjectError("the system was stopped")
        try:
            await asyncio.to_thread(self._find_server)
        except SubjectError:
            for part in self.parts:
                part.give_up("no redis-server found" if part is self.redis else "not started")
            raise

    async def stop(self) -> None:
        """Stop and reap every process."""
        self._stopped = True
        results = await asyncio.gather(*(part.stop() for part in self.parts), return_exceptions=True)
        await self.connections.close()
        for error in results:
            if isinstance(error, BaseException):
                raise error
