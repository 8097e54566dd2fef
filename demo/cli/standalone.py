"""`demo up`, `demo down`, `demo heal`: systems that run by themselves, started, stopped and healed from the shell."""

import contextlib
import json
import os
import select
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demo.errors import SubjectError
from demo.processes.child import ROOT, build_detached_command, start_time_of
from demo.subjects.registry import supervisor_of
from demo.subjects.standalone import StandaloneSystem, file_of, find, running_systems

UP_SEC = 40.0
ASK_SEC = 40.0
DOWN_SEC = 10.0


def up(subject: str, name: str, settings: Mapping[str, Any] | None = None) -> StandaloneSystem:
    """Start a system and return once all of it is up. Raises `UsageError` and `SubjectError`."""
    module = supervisor_of(subject)
    if start_time_of(os.getpid()) is None:
        raise SubjectError("`demo up` needs Linux: it identifies processes by /proc")
    log = file_of(name, "log")
    file_of(name, "sock")
    report = _start(module, log, {"name": name, "settings": dict(settings or {})})
    if report is None:
        raise SubjectError(
            f"the supervisor of {name!r} did not report within {UP_SEC:g} s whether the system is "
            f"up; see its log: {log}"
        )
    if "failed" in report:
        raise SubjectError(str(report["failed"]))
    found = find(name)
    if found is None:
        raise SubjectError(f"the supervisor of {name!r} ended right after the start; see its log: {log}")
    return found


def _start(module: str, log: Path, instructions: Mapping[str, Any]) -> dict[str, Any] | None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        # A session of its own, so that it survives this terminal. Not waited for: it runs until `demo down`.
        process = subprocess.Popen(  # noqa: S603 - a module of ours
            build_detached_command(module),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=descriptor,
            start_new_session=True,
            cwd=ROOT,
        )
    finally:
        os.close(descriptor)
    with process.stdin as stdin, process.stdout as stdout:  # type: ignore[union-attr]
        stdin.write(json.dumps(instructions).encode() + b"\n")
        stdin.flush()
        has_reported = bool(select.select([stdout], [], [], UP_SEC)[0])
        line = stdout.readline() if has_reported else b""
    if not has_reported:
        process.kill()
        process.wait()
        return None
    # The interpreter warns of a child that was not waited for; this one is to go on when this command has ended.
    process.returncode = process.poll() or 0
    return (
        json.loads(line) if line else {"failed": f"its supervisor ended before the system was up; see its log: {log}"}
    )


def down(name: str) -> StandaloneSystem:
    """Stop a system, and return once its supervisor has ended. Raises `SubjectError`."""
    found = _find_running(name)
    with contextlib.suppress(SubjectError):
        _ask(name, "/stop")
    deadline = time.monotonic() + DOWN_SEC
    while found.is_up:
        if time.monotonic() > deadline:
            raise SubjectError(
                f"{name!r} did not stop within {DOWN_SEC:g} s: `kill {found.pid}` stops it and its parts"
            )
        time.sleep(0.02)
    return found


def heal(name: str) -> StandaloneSystem:
    """Restart what is dead or hangs. Raises `SubjectError` that names what did not come back."""
    found = _find_running(name)
    _ask(name, "/heal")
    return found


def _find_running(name: str) -> StandaloneSystem:
    found = find(name)
    if found is None or not found.is_up:
        names = ", ".join(system.name for system in running_systems())
        others = f"; running systems: {names}" if names else ""
        raise SubjectError(f"no system with the name {name!r} is running{others}")
    return found


def _ask(name: str, path: str) -> Any:
    import httpx

    transport = httpx.HTTPTransport(uds=str(file_of(name, "sock")))
    try:
        with httpx.Client(transport=transport, timeout=ASK_SEC) as client:
            answer = client.post(f"http://supervisor{path}")
            reply = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise SubjectError(
            f"the supervisor of {name!r} does not answer: `demo down {name}`, then start the system again"
        ) from error
    if answer.status_code != 200:
        raise SubjectError(str(reply.get("error", "its supervisor refused without a reason; see its log")))
    return reply
