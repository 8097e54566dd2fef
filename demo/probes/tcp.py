"""A probe of a TCP port: whether somebody accepts a connection there. It sends nothing and reads nothing."""

import asyncio
import contextlib
import socket
import time
from dataclasses import dataclass

from demo.probes.http_fetch import UNKNOWN_NAME
from demo.probes.result import Reading

TIMEOUT_SEC = 0.3


@dataclass(frozen=True)
class TcpProbe:
    """The reading's data: `latency`, the seconds until the connection was there."""

    host: str
    port: int
    deadline_sec: float = TIMEOUT_SEC

    async def read(self) -> Reading:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.deadline_sec):
                _, writer = await asyncio.open_connection(self.host, self.port)
        except TimeoutError:
            return Reading(trouble=f"no answer in {self.deadline_sec * 1000:.0f} ms")
        except socket.gaierror:
            return Reading(trouble=UNKNOWN_NAME, inconclusive=True)
        except OSError:
            return Reading(trouble="connection refused")
        latency = time.perf_counter() - started
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):  # closed from the other side meanwhile
            async with asyncio.timeout(self.deadline_sec):
                await writer.wait_closed()
        return Reading({"latency": latency}, took_ms=latency * 1000)
