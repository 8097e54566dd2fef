"""The log of one container, followed from its last lines on: bytes, with the time of the newest line."""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp
    from aiodocker import Docker

HEADER_BYTES = 8
MAX_FRAME_BYTES = 1_048_576
"""An engine cuts lines at 16 KiB: a longer piece is no log."""

_TIME = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z ?")


class LogStream:
    """One answer of the engine. `after_newest`: the time just after the last line, as `since` takes it."""

    def __init__(self, response: "aiohttp.ClientResponse", is_terminal: bool) -> None:
        self._response = response
        self.is_terminal = is_terminal
        self.after_newest = ""
        self._line = b""

    @classmethod
    async def opened(cls, client: "Docker", ident: str, tail: int, since: str) -> "LogStream":
        """Open the log at its last `tail` lines, or with what came after the time `since`."""
        shown: dict[str, Any] = await client.containers.container(ident).show()
        params = {"stdout": "1", "stderr": "1", "follow": "1", "timestamps": "1"}
        params |= {"since": since} if since else {"tail": str(tail)}
        request = client._query(f"containers/{ident}/logs", method="GET", params=params)  # noqa: SLF001 - no public one
        return cls(await request.__aenter__(), bool(shown["Config"]["Tty"]))

    async def next(self) -> bytes | None:
        """Return the next output, without the engine's times; None at the end. Raises `aiohttp.ClientError`."""
        content = self._response.content
        if self.is_terminal:
            return await self._next_of_terminal()
        header = await content.read(HEADER_BYTES)
        while header and len(header) < HEADER_BYTES:
            more = await content.read(HEADER_BYTES - len(header))
            header = header + more if more else b""
        length = int.from_bytes(header[4:8], "big")
        if not header or length > MAX_FRAME_BYTES:
            return None
        frame = b""
        while len(frame) < length and (more := await content.read(length - len(frame))):
            frame += more
        return self._without_time(frame)

    async def _next_of_terminal(self) -> bytes | None:
        """Return whole lines: what a terminal printed comes in pieces of any size."""
        piece = await self._response.content.readany()
        if not piece:
            rest, self._line = self._line, b""
            return self._without_time(rest) if rest else None
        *lines, self._line = (self._line + piece).split(b"\n")
        if len(self._line) > MAX_FRAME_BYTES:
            self._line = b""
        return b"".join(self._without_time(line) + b"\n" for line in lines)

    def _without_time(self, line: bytes) -> bytes:
        found = _TIME.match(line)
        if found is None:
            return line
        seconds = int(datetime.fromisoformat(found[1].decode("ascii")).replace(tzinfo=UTC).timestamp())
        nanoseconds = int((found[2] or b"0").ljust(9, b"0")) + 1
        self.after_newest = f"{seconds + nanoseconds // 10**9}.{nanoseconds % 10**9:09}"
        return line[found.end() :]

    def close(self) -> None:
        self._response.close()
