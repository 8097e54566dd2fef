"""Lines from standard input on the running loop, whatever it is: a pipe, a file, a terminal, nothing."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import TextIO

_CHUNK = 4096
MAX_LINE = 10_000
"""Characters of a line that are kept."""


async def input_lines(stdin: TextIO | None) -> AsyncIterator[str]:
    """Each line without its end, as it comes; ends with the input. No thread, no read that blocks."""
    if stdin is None:
        return
    try:
        fd = stdin.fileno()
    except (OSError, ValueError):
        return
    rest = b""
    async for chunk in _chunks(fd):
        *lines, rest = (rest + chunk).split(b"\n")
        rest = rest[:MAX_LINE]
        for line in lines:
            yield line.decode("utf-8", "replace").rstrip("\r")
    if rest:
        yield rest.decode("utf-8", "replace")


async def _chunks(fd: int) -> AsyncIterator[bytes]:
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
    """A read that fails is the end of the input: the terminal or the pipe is gone."""
    try:
        return os.read(fd, _CHUNK)
    except OSError:
        return b""
