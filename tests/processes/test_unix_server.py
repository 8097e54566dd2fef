"""Answers over a Unix socket, asked for by real requests."""

import asyncio
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from demo.errors import FaultError, SubjectError
from demo.processes.unix_client import ask
from demo.processes.unix_server import Work, as_handler, listen

WHO = "the process of this test"


async def _answer(socket: Path, work: Work) -> Mapping[str, Any]:
    application = web.Application()
    application.add_routes([web.get("/", as_handler(work))])
    runner = await listen(application, socket)
    try:
        return await ask(socket, "GET", "/", 5.0, WHO)
    finally:
        await runner.cleanup()


def test_what_the_work_returns_is_the_answer(tmp_path: Path) -> None:
    async def work(request: web.Request) -> Mapping[str, Any]:
        return {"path": request.path}

    assert asyncio.run(_answer(tmp_path / "socket", work)) == {"path": "/"}


@pytest.mark.parametrize("error", [SubjectError("it has ended"), FaultError("it has ended"), OSError("it has ended")])
def test_an_error_of_the_work_reaches_who_asked_with_its_words(tmp_path: Path, error: Exception) -> None:
    async def work(request: web.Request) -> Mapping[str, Any]:
        raise error

    with pytest.raises(SubjectError, match=r"^it has ended$"):
        asyncio.run(_answer(tmp_path / "socket", work))


def test_only_its_user_may_open_the_socket_and_one_that_was_left_is_replaced(tmp_path: Path) -> None:
    socket = tmp_path / "socket"
    socket.touch(0o644)

    async def work(request: web.Request) -> Mapping[str, Any]:
        return {"mode": stat.S_IMODE(socket.stat().st_mode)}

    previous_umask = os.umask(0o022)
    try:
        assert asyncio.run(_answer(socket, work)) == {"mode": 0o600}
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(previous_umask)
