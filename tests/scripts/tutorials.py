"""What following a tutorial takes: the code blocks of its page, a folder, PostgreSQL, and a user who may run it."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

POSTGRES_BINARIES = ("initdb", "pg_ctl", "postgres", "psql")
COMMAND_TIMEOUT_SEC = 60


def blocks(page: str, language: str) -> list[str]:
    """Return the code blocks of this language, in the order of the page."""
    return [text for _, text in re.findall(rf"^(`{{3,}}){language}\n(.*?)^\1$", page, re.DOTALL | re.MULTILINE)]


@contextmanager
def readers_folder() -> Iterator[Path]:
    """Make a folder that any user may enter, and that is the user's who runs PostgreSQL; removed in the end."""
    place = Path(tempfile.mkdtemp(prefix="chaos-stage-tutorial-"))
    place.chmod(0o755)
    if os.getuid() == 0:
        shutil.chown(place, "nobody")
    try:
        yield place
    finally:
        shutil.rmtree(place)


def path_with_postgres() -> str:
    """Return a PATH on which PostgreSQL's programs are, or skip the test where it is not installed."""
    path = ":".join([*map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), os.environ["PATH"]])
    if lacking := [name for name in POSTGRES_BINARIES if shutil.which(name, path=path) is None]:
        pytest.skip(f"NOT TRIED: the tutorial on a real PostgreSQL: {', '.join(lacking)} not found")
    return path


def run_as_reader(script: str, folder: Path, path: str) -> None:
    """Run commands of the page; as nobody where this runs as root, because PostgreSQL refuses that."""
    user: dict[str, Any] = {"user": "nobody", "extra_groups": []} if os.getuid() == 0 else {}
    done = subprocess.run(
        ["bash", "-ec", script],
        cwd=folder,
        env=dict(os.environ) | {"PATH": path},
        stdout=subprocess.DEVNULL,
        timeout=COMMAND_TIMEOUT_SEC,
        check=False,
        **user,
    )
    assert done.returncode == 0, script
