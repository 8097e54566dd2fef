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
    timeout_sec: float = TIMEOUT_SEC

    async def read(self) -> Reading:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.timeout_sec):
                writer = await self._connect()
        except TimeoutError:
            return Reading(trouble=f"no answer in {self.timeout_sec * 1000:.0f} ms")
        except socket.gaierror:
            return Reading(trouble=UNKNOWN_NAME, inconclusive=True)
        except OSError:
            return Reading(trouble="connection refused")
        latency = time.perf_counter() - started
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):  # closed from the other side meanwhile
            async with asyncio.timeout(self.timeout_sec):
                await writer.wait_closed()
        return Reading({"latency": latency}, took_ms=latency * 1000)

    async def _connect(self) -> asyncio.StreamWriter:
        """Connect to the first address of the host that accepts. Raises `OSError`."""
        # Looked up here: where the loop does it in `open_connection`, a look-up that fails after our timeout is
        # reported on the terminal, for nobody waits for it any more.
        found = await asyncio.get_running_loop().getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        refused: OSError = ConnectionRefusedError()
        for address in dict.fromkeys(str(info[4][0]) for info in found):
            try:
                return (await asyncio.open_connection(address, self.port))[1]
            except OSError as error:
                refused = error
        raise refused
