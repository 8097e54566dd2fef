"""What the watchdog's healing does to a system that runs: nothing but heal the fault, and what that starts lives on."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from demo.processes.child import start_time_of
from tests.support.lamp import watchdogs
from tests.support.servers import Server, serving, wait_for

DAEMON = '''
import asyncio, os, subprocess, sys
from pathlib import Path
from demo.subjects.none import NoSystem
from demo.types import ChaosConfig, ChaosType, Plan

HERE = Path(__file__).parent
WORK = """
import os, sys, time
from pathlib import Path
places = {fd: f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")}
facts = [f"{fd} {os.readlink(place)}" for fd, place in places.items() if os.path.islink(place)]
Path("fds").write_text(chr(10).join(facts))
Path("status").write_text(Path("/proc/self/status").read_text())
Path("pid.new").write_text(str(os.getpid()))
os.replace("pid.new", "pid")
for line in range(3000):
    print("a line", line, flush=True)
    sys.stderr.write("and another" + chr(10))
    time.sleep(0.01)
"""


def note(word):
    with open(HERE / "calls", "a") as log:
        log.write(word + chr(10))


def is_up():
    try:
        os.kill(int((HERE / "pid").read_text()), 0)
    except (OSError, ValueError):
        return False
    return True


class Kill:
    """A process that runs is killed, and healing starts another one, in the most natural way."""

    config = ChaosConfig("kill", ChaosType.CONTAINER_KILL, "Kill it", float(os.environ.get("LASTS", "inf")))
    target = observable = "the daemon"

    async def plan(self):
        return Plan("kill", "the daemon", {}, late_sec=0.0)

    async def inject(self, plan):
        (HERE / "pid").unlink(missing_ok=True)

    async def heal(self, plan):
        if is_up():
            return
        command = [sys.executable, "-c", WORK]
        if os.environ.get("BY") == "asyncio":
            await asyncio.create_subprocess_exec(*command, cwd=HERE)
        else:
            subprocess.Popen(command, cwd=HERE)
        asyncio.get_running_loop().run_in_executor(None, __import__("time").sleep, 60)

    async def is_healed(self, plan):
        return is_up()

    def is_seen(self, health, since):
        return False


class Daemon(NoSystem):
    faults = (Kill(),)

    async def start(self):
        note("start")

    async def heal(self):
        note("heal")

    async def stop(self):
        note("stop")
'''

LIKE_NOHUP = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR1):
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGUSR2))
os.execv(sys.executable, [sys.executable, "-m", "demo", "serve", *sys.argv[1:]])
"""


@contextmanager
def daemon(home: Path, program: list[str] | None = None, **env: str) -> Iterator[Server]:
    """A server of the daemon with its fault in place; in the end what the healing started is gone too."""
    (home / "daemon.py").write_text(DAEMON)
    try:
        with serving(
            "daemon:Daemon", "--journal", str(home / "show.journal"), cwd=home, env=env, program=program
        ) as server:
            assert server.client.post("/chaos/kill").status_code == 202
            server.until(lambda state: state["chaos"][0]["state"] == "active")
            yield server
    finally:
        with suppress(OSError, ValueError):
            os.kill(int((home / "pid").read_text()), signal.SIGKILL)


def started(home: Path) -> int:
    """The process that the healing started, once the watchdog that had it healed has gone."""
    wait_for((home / "pid").exists)
    wait_for(lambda: not watchdogs(home))
    return int((home / "pid").read_text())


def test_the_watchdog_s_healing_neither_starts_nor_ends_the_system(tmp_path: Path) -> None:
    with daemon(tmp_path) as server:
        server.kill()
        started(tmp_path)
        assert (tmp_path / "calls").read_text().split() == ["start"]


def test_healing_for_a_server_that_hangs_neither_starts_nor_ends_the_system(tmp_path: Path) -> None:
    with daemon(tmp_path, LASTS="2") as server:
        server.process.send_signal(signal.SIGSTOP)
        wait_for((tmp_path / "pid").exists)
        wait_for(lambda: not _healing(tmp_path))
        assert (tmp_path / "calls").read_text().split() == ["start"]
        server.kill()


def _healing(home: Path) -> bool:
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            ours = entry.name.isdecimal() and (entry / "cwd").readlink() == home
            if ours and b"demo.watchdog.heal" in (entry / "cmdline").read_bytes():
                return True
    return False


@pytest.mark.parametrize("by", ["subprocess", "asyncio"])
def test_what_the_healing_starts_lives_on_like_a_process_started_by_hand(tmp_path: Path, by: str) -> None:
    with daemon(tmp_path, BY=by) as server:
        (watchdog,) = watchdogs(tmp_path)
        group, session = os.getpgid(watchdog), os.getsid(watchdog)
        server.kill()
        pid = started(tmp_path)
        assert os.getsid(pid) not in (session, os.getsid(0)), "nobody's kill of a group or a session takes it"
        assert os.getpgid(pid) != group
        begun = start_time_of(pid)
        # It prints a hundred lines a second, and does not end by that.
        switches = _field(pid, "voluntary_ctxt_switches")
        wait_for(
            lambda: start_time_of(pid) != begun or int(_field(pid, "voluntary_ctxt_switches")) > int(switches) + 20
        )
        assert start_time_of(pid) == begun is not None
        fds = dict(line.split(" ", 1) for line in (tmp_path / "fds").read_text().splitlines())
        assert {fds.pop(stream) for stream in "012"} == {os.devnull}
        assert not fds, "it inherited no lock, no pipe and no connection"


def test_what_the_healing_starts_has_the_signals_of_one_started_by_hand(tmp_path: Path) -> None:
    """Whatever the server was started with: nohup, `&` in a script, a supervisor that ignores or blocks some."""
    program = [sys.executable, "-c", LIKE_NOHUP, "daemon:Daemon", "--no-open", "--port", "0"]
    program += ["--journal", str(tmp_path / "show.journal")]
    with daemon(tmp_path, program) as server:
        server.kill()
        pid = started(tmp_path)
        status = dict(line.split(":\t", 1) for line in (tmp_path / "status").read_text().splitlines() if ":\t" in line)
        python_s_own = (1 << signal.SIGPIPE - 1) | (1 << signal.SIGXFSZ - 1)
        assert int(status["SigIgn"], 16) & ~python_s_own == 0
        assert int(status["SigBlk"], 16) == 0
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: start_time_of(pid) is None)


def _field(pid: int, name: str) -> str:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return line.split()[1]
    return "0"
