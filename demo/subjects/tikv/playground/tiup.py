"""tiup as this subject uses it: where it is, what it is told, and what it needs, for `demo doctor`."""

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
"""A playground that goes on when all stores that it has started are gone; of an earlier one that is not known."""

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
    """Its path. Raises `SubjectError` with the command that installs it."""
    if not sys.platform.startswith("linux"):
        raise SubjectError("--tiup needs Linux: elsewhere the stores' processes cannot be told apart; use containers")
    found = shutil.which("tiup") or shutil.which("tiup", path=str(home() / "bin"))
    if found is None:
        raise SubjectError(f"tiup was not found: {INSTALL}")
    return str(Path(found).absolute())


def home() -> Path:
    """Where tiup keeps what it loads, and the data of its playgrounds."""
    return Path(os.environ.get(HOME_VARIABLE) or Path.home() / ".tiup")


def command(tiup: str, tag: str, config: Path, port_offset: int) -> tuple[str, ...]:
    ports = ("--port-offset", str(port_offset)) if port_offset else ()
    numbers = ("--kv", str(EACH), "--pd", str(EACH))
    mode = ("--mode", "tikv-slim", *numbers, "--without-monitor", "--host", "127.0.0.1")
    return (tiup, "playground", VERSION, *mode, *ports, "--tag", tag, "--kv.config", str(config))


def playground_version() -> tuple[int, ...] | None:
    """The newest that is here, which is the one that tiup runs; None: it will load the newest there is."""
    try:
        found = [path.name for path in (home() / "components" / "playground").iterdir()]
    except OSError:
        return None
    numbers = [re.fullmatch(r"v(\d{1,6})\.(\d{1,6})\.(\d{1,6})", name) for name in found]
    return max((tuple(map(int, one.groups())) for one in numbers if one), default=None)


def stays_without_its_own() -> bool:
    """Whether the playground goes on when nothing of a kind that it has started itself is left."""
    version = playground_version()
    return version is None or version >= STAYS


def check_ports(port_offset: int) -> None:
    """Raises `SubjectError` where the playground that is here cannot move its ports."""
    version = playground_version()
    if port_offset and version is not None and version < MOVES_PORTS:
        raise SubjectError(
            f"the playground that is here (v{_dotted(version)}) cannot move its ports: "
            f"`tiup update playground`, to v{_dotted(MOVES_PORTS)} or later, or leave out port-offset"
        )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def missing() -> tuple[str, ...]:
    """What tiup would have to load first, as it calls it."""
    components = home() / "components"
    lacking = [f"{name}:{VERSION}" for name in COMPONENTS if not (components / name / VERSION).is_dir()]
    return (*([] if (components / "playground").is_dir() else ["playground"]), *lacking)


async def examine_tiup(port_offset: int) -> Sequence[Finding]:
    return await together({"tiup": _tiup(), "its components": _components(port_offset)})


async def _tiup() -> Finding:
    path = find_tiup()
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(path, "--version", stdin=nothing, stdout=pipe, stderr=nothing)
    try:
        async with asyncio.timeout(VERSION_SEC):
            out, _ = await process.communicate()
    except TimeoutError:
        return no("tiup", f"{path} did not tell its version within {VERSION_SEC:g} s", "try `tiup --version`")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        return no("tiup", f"{path} --version failed (exit code {process.returncode})", f"install it anew: {INSTALL}")
    return ok("tiup", f"{out.decode(errors='replace').strip().splitlines()[0][:80] if out.strip() else '?'}, {path}")


async def _components(port_offset: int) -> Finding:
    check_ports(port_offset)
    lacking = missing()
    if lacking:
        what = " ".join(lacking)
        return maybe("its components", f"not here yet: {what}", f"tiup install {what}, before you go on stage")
    return ok("its components", f"pd and tikv {VERSION} are here")
