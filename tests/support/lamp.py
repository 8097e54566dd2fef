"""A subject of the tests' own whose fault outlives its server: a file, which only a heal takes away."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.servers import Server, serving

LAMP = '''
import asyncio, os, subprocess, sys, threading, time
from pathlib import Path
import demo.conductor.fault_runner as faults
from demo.errors import FaultError
from demo.subjects.none import NoSystem
from demo.types import ChaosConfig, ChaosType, Plan

HERE = Path(__file__).parent
faults.RETRY_FIRST_SEC = 0.3

class FileFault:
    """It is dark while a file is there. `stuck`, another file, keeps it from healing."""
    target, observable = "the lamp", "it is dark"

    def __init__(self, duration=float("inf"), name="dark"):
        self.config = ChaosConfig(name, ChaosType.CONTAINER_KILL, "Put out the lamp", duration)

    async def plan(self):
        return Plan("dark", self.target, {"file": str(HERE / self.config.name)}, manual="rm dark", late_sec=0.0)

    async def inject(self, plan):
        Path(plan.undo["file"]).touch()

    async def heal(self, plan):
        print(1)  # a driver may print what it likes
        with open(HERE / "tries", "a") as tries:
            tries.write("tried\\n")
        if (HERE / "stuck").exists():
            raise FaultError("the switch is stuck")
        with open(HERE / "hands", "a") as hands:
            hands.write("healed\\n")
        Path(plan.undo["file"]).unlink(missing_ok=True)

    async def is_healed(self, plan):
        return not Path(plan.undo["file"]).exists()

    def is_seen(self, health, since):
        return False

class DelayedFault(FileFault):
    """The fault is a command line of its own, which lands seconds later, whatever becomes of the server."""

    async def plan(self):
        return Plan("dark", self.target, {"file": str(HERE / "dark")}, late_sec=6.0)

    async def inject(self, plan):
        work = f"import time, pathlib; time.sleep(3); pathlib.Path({plan.undo['file']!r}).touch()"
        work += f"; pathlib.Path({str(HERE / 'landed')!r}).touch()"
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", work, start_new_session=True)
        (HERE / "begun").touch()
        await process.wait()

class ReportsCompletionFault(FileFault):
    """It lands at once, its injection takes long, and it can be seen that it has landed."""

    async def plan(self):
        return Plan("dark", self.target, {"file": str(HERE / "dark")}, late_sec=40.0)

    async def inject(self, plan):
        await super().inject(plan)
        (HERE / "landed").touch()
        await asyncio.sleep(1000)

    async def has_landed(self, plan):
        if (HERE / "blind").exists():
            raise RuntimeError("cannot see")
        return (HERE / "landed").exists()

class BlockingFault(FileFault):
    """Its heal blocks the whole process that it runs in."""

    async def heal(self, plan):
        if os.environ.get("BLOCK") == "thread":
            await asyncio.to_thread(time.sleep, 1000)
        time.sleep(1000)

class ForkingFault(FileFault):
    """A fork of the server lives on, with all its pipes."""

    async def inject(self, plan):
        await super().inject(plan)
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)

class Lamp(NoSystem):
    faults = (FileFault(),)

class BriefSubject(NoSystem):
    faults = (FileFault(1.0),)

class DelayedSubject(NoSystem):
    faults = (DelayedFault(),)

class HastyDelayedSubject(DelayedSubject):
    """Injections have half a second."""

    def __init__(self):
        faults.INJECT_TIMEOUT_SEC = 0.5

class ReportingSubject(NoSystem):
    faults = (ReportsCompletionFault(),)

class HastyReportingSubject(ReportingSubject):
    def __init__(self):
        faults.INJECT_TIMEOUT_SEC = 0.5

class TwoFaultsSubject(NoSystem):
    faults = (BlockingFault(name="blocking"), FileFault())

class ForkingSubject(NoSystem):
    faults = (ForkingFault(),)
'''


def install_subject(home: Path) -> Path:
    """A directory with the lamp's module in it."""
    (home / "lamp.py").write_text(LAMP)
    return home


@contextmanager
def lamp(home: Path, kind: str = "Lamp", **env: str) -> Iterator[Server]:
    """A server of the lamp on one journal, begun or continued."""
    with serving(f"lamp:{kind}", "--journal", str(home / "show.journal"), cwd=home, env=env) as server:
        yield server


def inject(server: Server, home: Path, fault: str = "dark") -> None:
    assert server.client.post(f"/chaos/{fault}").status_code == 202
    server.until(lambda state: all(f["state"] == "active" for f in state["chaos"] if f["name"] == fault))
    assert (home / fault).exists()


def watchdogs(home: Path) -> list[int]:
    """Those of all servers of this lamp, whether they live or not."""
    return _running(home, b"watchdog/process.py")


def end_watchdogs(home: Path) -> None:
    """At once, and whoever heals for them."""
    for pid in (*watchdogs(home), *_running(home, b"demo.watchdog.heal")):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _running(home: Path, word: bytes) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            ours = entry.name.isdecimal() and (entry / "cwd").readlink() == home
            if ours and word in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def read_more(server: Server) -> str:
    """What was said so far, by whoever holds the server's terminal."""
    assert server.process.stdout is not None
    os.set_blocking(server.process.stdout.fileno(), False)
    with suppress(BlockingIOError):
        server.output += os.read(server.process.stdout.fileno(), 65536).decode()
    return server.output
