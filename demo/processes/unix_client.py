"""Requests to a process of ours over its Unix socket, which only its user may open."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from demo.errors import SubjectError


async def ask(
    socket: Path, method: str, path: str, within_sec: float, who: str, body: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """Send a request, with `body` as JSON, and return its JSON answer.

    Raises `SubjectError` when `who` refuses, or does not answer.
    """
    timeout = aiohttp.ClientTimeout(within_sec)
    try:
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(socket)), timeout=timeout) as session,
            session.request(method, f"http://local{path}", json=body) as answer,
        ):
            told: dict[str, Any] = await answer.json()
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        raise SubjectError(f"{who} does not answer") from error
    if answer.status != 200:
        raise SubjectError(str(told.get("error", f"{who} refused")))
    return told
