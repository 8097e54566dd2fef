"""Finds the supervisor of a show that an earlier server has left, or starts one."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from demo.errors import SubjectError
from demo.processes.child import detached
from demo.processes.owned.connection import SupervisorConnection
from demo.processes.owned.identity import SupervisorFiles
from demo.processes.owned.spec import Limits, ProcessState

GUARD = "demo.processes.owned.guard"
START_TIMEOUT_SEC = 20.0
LOOK_SEC = 0.05

Opened = tuple[SupervisorConnection, tuple[ProcessState, ...], bool]


async def find_or_start(
    show: str, limits: Limits, changed: Callable[[ProcessState], None], ended: Callable[[], None]
) -> Opened:
    """Return a connection as the show's server, the states of the processes, and whether they were found running.

    Raises `SubjectError`, also when another server presents the show.
    """
    files = SupervisorFiles.of_show(show)
    until = time.monotonic() + START_TIMEOUT_SEC
    started = False
    while True:
        found = files.read()
        if found is not None and found[0].is_alive:
            connection = SupervisorConnection(found[0])
            try:
                return connection, await connection.open(found[1], "server", changed, ended), not started
            except SubjectError:
                # One that is just ending is waited for, and then replaced.
                if found[0].is_alive and files.socket.exists():
                    raise
        elif (report := await _start(files, show, limits)).get("up"):
            started = True
        elif "failed" in report:
            raise SubjectError(f"the processes of this show cannot be supervised: {report['failed']}")
        if time.monotonic() > until:
            raise SubjectError(f"the supervisor of an earlier show does not end; see its log: {files.log}")
        await asyncio.sleep(LOOK_SEC)


async def _start(files: SupervisorFiles, show: str, limits: Limits) -> Mapping[str, Any]:
    """Start a supervisor and return its report: `up`, `locked` when there is another one, or `failed` with a reason."""
    order = {"show": show, "stem": str(files.stem), "limits": limits.to_json()}
    try:
        log = os.open(files.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        return {"failed": f"{files.log} cannot be written: {error.strerror or error}"}
    try:
        # A session of its own: Ctrl-C must reach the server only, and a closed terminal, too.
        guard = await asyncio.create_subprocess_exec(
            *detached(GUARD),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )
        async with asyncio.timeout(START_TIMEOUT_SEC):
            line, _ = await guard.communicate(json.dumps(order).encode() + b"\n")
    except OSError as error:
        return {"failed": f"{sys.executable} cannot be executed: {error.strerror or error}"}
    except TimeoutError:
        guard.kill()
        return {"failed": f"it did not start within {START_TIMEOUT_SEC:.0f} s; see its log: {files.log}"}
    finally:
        os.close(log)
    try:
        report: Mapping[str, Any] = json.loads(line)
    except ValueError:
        report = {"failed": f"it ended at its start; see its log: {files.log}"}
    return report
