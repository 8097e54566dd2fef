"""tiup as this subject uses it: where it is, what it is told, and what it needs, for `demo doctor`."""

import asyncio
import os
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


def missing() -> tuple[str, ...]:
    """What tiup would have to load first, as it calls it."""
    components = home() / "components"
    lacking = [f"{name}:{VERSION}" for name in COMPONENTS if not (components / name / VERSION).is_dir()]
    return (*([] if (components / "playground").is_dir() else ["playground"]), *lacking)


async def examine_tiup() -> Sequence[Finding]:
    return await together({"tiup": _tiup(), "its components": _components()})


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


async def _components() -> Finding:
    lacking = missing()
    if lacking:
        what = " ".join(lacking)
        return maybe("its components", f"not here yet: {what}", f"tiup install {what}, before you go on stage")
    return ok("its components", f"pd and tikv {VERSION} are here")
