"""A real PostgreSQL for tests: a cluster of its own on a free port, as another user where the tests run as root."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from demo.processes.ports import free_ports

BINARIES = ("initdb", "postgres", "pg_ctl")
TIMEOUT_SEC = 60
_PLACES = ":".join([*map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), os.environ["PATH"]])


@dataclass(frozen=True)
class Postgres:
    """`pid` is that of the server process; its children serve the connections."""

    port: int
    data: Path

    @property
    def url(self) -> str:
        return f"postgresql://tests@127.0.0.1:{self.port}/postgres"

    @property
    def pid(self) -> int:
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def signal_all(self, number: signal.Signals) -> None:
        """Send a signal to the server and its children: those of its session, which `pg_ctl` begins."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        for pid in (self.pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def lacking_binaries() -> list[str]:
    """What of PostgreSQL is not installed."""
    return [name for name in BINARIES if shutil.which(name, path=_PLACES) is None]


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """Run one, or skip the test where PostgreSQL is not installed."""
    if lacking := lacking_binaries():
        pytest.skip(f"NOT TRIED: {', '.join(lacking)} not found")
    folder = Path(tempfile.mkdtemp(prefix="chaos-stage-postgres-"))
    user: dict[str, Any] = {}
    if os.getuid() == 0:
        shutil.chown(folder, "nobody")
        user = {"user": "nobody", "group": "nogroup", "extra_groups": []}

    def run(*argv: str) -> None:
        environ = {"PATH": _PLACES, "LC_ALL": "C"}
        done = subprocess.run(
            argv, cwd=folder, env=environ, stdout=subprocess.DEVNULL, timeout=TIMEOUT_SEC, check=False, **user
        )
        assert done.returncode == 0, argv

    found = Postgres(free_ports(1)[0], folder / "db")
    settings = f"-p {found.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    run("initdb", "--no-sync", "--auth=trust", "--username=tests", "-D", "db")
    run("pg_ctl", "-w", "-D", "db", "-l", "log", "-o", settings, "start")
    try:
        yield found
    finally:
        if (found.data / "postmaster.pid").exists():
            found.signal_all(signal.SIGCONT)
            run("pg_ctl", "-D", "db", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
