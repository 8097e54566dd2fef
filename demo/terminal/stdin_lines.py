"""Lines from standard input on the running loop, be it a pipe, a file, a terminal or nothing at all."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import TextIO

_CHUNK = 4096
MAX_LINE = 10_000
"""Bytes of an unfinished line that are kept."""


async def input_lines(stdin: TextIO | None) -> AsyncIterator[str]:
    """Yield each line without its end as it comes, until the input ends. Uses no thread, and no read that blocks."""
    if stdin is None:
        return
    try:
        fd = stdin.fileno()
    except (OSError, ValueError):
        return
    rest = b""
    async for chunk in _read_chunks(fd):
        *lines, rest = (rest + chunk).split(b"\n")
        # Whatever is piped in may be without line ends: it must not fill the memory.
        rest = rest[:MAX_LINE]
        for line in lines:
            yield line.decode("utf-8", "replace").rstrip("\r")
    if rest:
        yield rest.decode("utf-8", "replace")


async def _read_chunks(fd: int) -> AsyncIterator[bytes]:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(fd, ready.set)
    except OSError:  # epoll takes no regular file and no /dev/null: neither ever blocks
        while chunk := _read(fd):
            yield chunk
            await asyncio.sleep(0)
        return
    try:
        while True:
            await ready.wait()
            ready.clear()
            chunk = _read(fd)
            if not chunk:
                return
            yield chunk
    finally:
        loop.remove_reader(fd)


def _read(fd: int) -> bytes:
    """Read a chunk; a read that fails ends the input, for then the terminal or the pipe is gone."""
    try:
        return os.read(fd, _CHUNK)
    except OSError:
        return b""
