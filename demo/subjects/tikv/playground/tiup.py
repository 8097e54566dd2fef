"""How this subject uses tiup: where it is, how it is called, and what it needs, for `demo doctor`."""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from demo.errors import SubjectError
from demo.findings import Finding, maybe, no, ok, together

VERSION = "v8.5.7"
INSTALL = "curl -sSfL https://raw.githubusercontent.com/pingcap/tiup/master/install.sh | sh, then open a new shell"
COMPONENTS = ("pd", "tikv")
EACH = 3
VERSION_SEC = 3.0
HOME_VARIABLE = "TIUP_HOME"

MOVES_PORTS = (1, 16, 1)
"""The first playground that has --port-offset."""

STAYS = (1, 16, 5)
"""The first playground known to continue when all stores that it has started are gone."""

STAGE_PROFILE = """\
[raftstore]
raft-base-tick-interval = "200ms"
raft-store-max-leader-lease = "1500ms"
[storage]
reserve-space = "0MB"
reserve-raft-space = "0MB"
[storage.block-cache]
capacity = "128MB"
[rocksdb]
max-open-files = 256
[raftdb]
max-open-files = 256
"""
"""Elections in 2-4 s instead of 10-20 s, and little memory and disk: as in compose.yaml."""


def find_tiup() -> str:
    """Return its path. Raises `SubjectError` with the command that installs it."""
    if not sys.platform.startswith("linux"):
        raise SubjectError("--tiup needs Linux, to identify the stores' processes; use containers instead")
    found = shutil.which("tiup") or shutil.which("tiup", path=str(home() / "bin"))
    if found is None:
        raise SubjectError(f"tiup was not found: {INSTALL}")
    return str(Path(found).absolute())


def home() -> Path:
    """Return the directory where tiup keeps downloads and the data of its playgrounds."""
    return Path(os.environ.get(HOME_VARIABLE) or Path.home() / ".tiup")


def command(tiup: str, tag: str, config: Path, port_offset: int) -> tuple[str, ...]:
    ports = ("--port-offset", str(port_offset)) if port_offset else ()
    numbers = ("--kv", str(EACH), "--pd", str(EACH))
    mode = ("--mode", "tikv-slim", *numbers, "--without-monitor", "--host", "127.0.0.1")
    return (tiup, "playground", VERSION, *mode, *ports, "--tag", tag, "--kv.config", str(config))


def playground_version() -> tuple[int, ...] | None:
    """Return the newest installed version, which tiup runs; None: there is none, and tiup will download the newest."""
    try:
        folders = [path.name for path in (home() / "components" / "playground").iterdir()]
    except OSError:
        return None
    matches = [re.fullmatch(r"v(\d{1,6})\.(\d{1,6})\.(\d{1,6})", name) for name in folders]
    return max((tuple(map(int, match.groups())) for match in matches if match), default=None)


def survives_last_of_kind() -> bool:
    """Return whether the playground continues when nothing of a kind that it started itself is left."""
    version = playground_version()
    return version is None or version >= STAYS


def check_ports(port_offset: int) -> None:
    """Check that the installed playground can move its ports, if that is wanted. Raises `SubjectError`."""
    version = playground_version()
    if port_offset and version is not None and version < MOVES_PORTS:
        raise SubjectError(
            f"the installed playground (v{_format_version(version)}) cannot move its ports: "
            f"`tiup update playground`, to v{_format_version(MOVES_PORTS)} or later, or leave out port-offset"
        )


def _format_version(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def missing() -> tuple[str, ...]:
    """Return what tiup would have to download first, by tiup's names."""
    components = home() / "components"
    lacking = [f"{name}:{VERSION}" for name in COMPONENTS if not (components / name / VERSION).is_dir()]
    return (*([] if (components / "playground").is_dir() else ["playground"]), *lacking)


async def examine_tiup(port_offset: int) -> Sequence[Finding]:
    return await together({"tiup": _check_tiup(), "its components": _check_components(port_offset)})


async def _check_tiup() -> Finding:
    path = find_tiup()
    pipe, devnull = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(path, "--version", stdin=devnull, stdout=pipe, stderr=devnull)
    try:
        async with asyncio.timeout(VERSION_SEC):
            out, _ = await process.communicate()
    except TimeoutError:
        return no(
            "tiup",
            f"{path} did not print its version within {VERSION_SEC:g} s",
            "run `tiup --version` in a terminal to see why",
        )
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        return no("tiup", f"{path} --version failed (exit code {process.returncode})", f"install it again: {INSTALL}")
    return ok("tiup", f"{out.decode(errors='replace').strip().splitlines()[0][:80] if out.strip() else '?'}, {path}")


async def _check_components(port_offset: int) -> Finding:
    check_ports(port_offset)
    lacking = missing()
    if lacking:
        components = " ".join(lacking)
        return maybe("its components", f"not installed yet: {components}", f"tiup install {components} before the show")
    return ok("its components", f"pd and tikv {VERSION} are installed")
