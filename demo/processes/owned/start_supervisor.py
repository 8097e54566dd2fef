"""Finds the supervisor of a show that an earlier server has left, or starts one."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from demo.errors import SubjectError
from demo.processes.child import build_detached_command
from demo.processes.owned.connection import SupervisorConnection
from demo.processes.owned.identity import SupervisorFiles
from demo.processes.owned.spec import Limits, ProcessState

GUARD = "demo.processes.owned.guard"
START_TIMEOUT_SEC = 20.0
CHECK_INTERVAL_SEC = 0.05

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
        await asyncio.sleep(CHECK_INTERVAL_SEC)


async def _start(files: SupervisorFiles, show: str, limits: Limits) -> Mapping[str, Any]:
    """Start a supervisor and return its report: `up`, `locked` when there is another one, or `failed` with a reason."""
    order = {"show": show, "stem": str(files.stem), "limits": limits.to_json()}
    try:
        log = os.open(files.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        return {"failed": f"{files.log} cannot be written: {error.strerror or error}"}
    try:
        # In a thread and without the event loop: with uvloop the guard would inherit the pipes, and never end them.
        line = await asyncio.to_thread(_run_guard, json.dumps(order).encode() + b"\n", log)
    except subprocess.TimeoutExpired:
        return {"failed": f"it did not start within {START_TIMEOUT_SEC:.0f} s; see its log: {files.log}"}
    except OSError as error:
        return {"failed": f"{sys.executable} cannot be executed: {error.strerror or error}"}
    finally:
        os.close(log)
    try:
        report: Mapping[str, Any] = json.loads(line)
    except ValueError:
        report = {"failed": f"it ended at its start; see its log: {files.log}"}
    return report


def _run_guard(order: bytes, log: int) -> bytes:
    """Start the guard and return its report. It detaches itself, so what is waited for here ends at once."""
    with subprocess.Popen(  # noqa: S603 - a module of ours
        build_detached_command(GUARD),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        # A session of its own: Ctrl-C must reach the server only, and a closed terminal, too.
        start_new_session=True,
        cwd="/",
    ) as guard:
        try:
            return guard.communicate(order, START_TIMEOUT_SEC)[0]
        except subprocess.TimeoutExpired:
            guard.kill()
            raise
