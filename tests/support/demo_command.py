"""`demo …` as a command that ends by itself: what it said and its exit code."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from tests.support.forked_servers import FORK_SERVER, ForkedProcess, can_fork

LIMIT_SEC = 60.0


def run_demo(
    *args: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    limit: float = LIMIT_SEC,
    prefix: Sequence[str] = (),
) -> "subprocess.CompletedProcess[str]":
    """Run it without a terminal, by a fork where its environment allows. Raises `subprocess.TimeoutExpired`.

    `prefix`: a program that is given the command to run.
    """
    environ = dict(os.environ if env is None else env)
    if prefix or not can_fork(environ):
        return subprocess.run(
            [*prefix, sys.executable, "-m", "demo", *args],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=limit,
            stdin=subprocess.DEVNULL,
            env=environ,
            cwd=cwd,
        )
    return _end_of(FORK_SERVER.start(args, environ, cwd, two_pipes=True), limit)


def run_script(script: Path, text: str, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a program of the test's own by a fork, in its folder, with this text in a pipe as its input."""
    assert can_fork(env)
    reading, writing = os.pipe()
    process = FORK_SERVER.start((), env, script.parent, two_pipes=True, stdin=reading, script=script)
    os.close(reading)
    with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "w") as pipe:  # it may end before it has read all
        pipe.write(text)
    return _end_of(process, LIMIT_SEC)


def _end_of(process: ForkedProcess, limit: float) -> "subprocess.CompletedProcess[str]":
    assert process.stderr is not None
    said: list[str] = []
    errors = threading.Thread(target=_read_into, args=(said, process.stderr), daemon=True)
    errors.start()
    try:
        stdout, _ = process.communicate(limit)
        errors.join(limit)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return subprocess.CompletedProcess([], process.wait(), stdout, "".join(said))


def _read_into(said: list[str], stream: IO[str]) -> None:
    with stream:
        said.append(stream.read())
