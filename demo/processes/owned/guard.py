"""The parent of a show's supervisor, and the script that starts it: ends whatever a killed supervisor leaves.

All processes of the show descend from it, also those that have left their session or cleared their environment: as
their subreaper it becomes the parent of what the supervisor leaves, and kills it. The supervisor ends when the guard
does. It imports nothing of this package, so that it stays small: it forks before the supervisor's modules are loaded.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import runpy
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
SUPERVISOR = "demo.processes.owned.supervisor"
KILL_TIMEOUT_SEC = 30.0
CHECK_INTERVAL_SEC = 0.02


def main() -> None:
    """Lock the show's name, detach, start the supervisor, and wait for its end."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    order = json.loads(sys.stdin.buffer.readline())
    # Held by the supervisor, too: it is free once both have ended, and nothing of the show's processes is left.
    lock = os.open(f"{order['stem']}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(json.dumps({"locked": True}), flush=True)
        return
    os.ftruncate(sys.stderr.fileno(), 0)  # the log file, which is ours now that we hold the lock
    # A second fork, so that init adopts us: the server need not reap us, and its event loop cannot kill us.
    if os.fork():
        os._exit(0)
    become_subreaper()
    supervisor = os.fork()
    if supervisor == 0:
        sys.argv = [SUPERVISOR, json.dumps(order | {"guard": os.getppid()})]
        runpy.run_module(SUPERVISOR, run_name="__main__", alter_sys=True)
        return
    _give_up_streams()
    signal.signal(signal.SIGTERM, lambda *_: os.kill(supervisor, signal.SIGTERM))
    wait_for(supervisor)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_all_children()
    for kind in ("json", "sock"):
        with contextlib.suppress(OSError):
            os.unlink(f"{order['stem']}.{kind}")  # noqa: PTH108 - pathlib would cost memory for hours


def become_subreaper() -> None:
    """Become the parent of every orphan among our descendants. Exits where the system has no such thing."""
    libc = ctypes.CDLL(None, use_errno=True)
    if sys.platform != "linux" or libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        print(json.dumps({"failed": "processes of a show need Linux"}), flush=True)
        sys.exit(1)


def _give_up_streams() -> None:
    """Leave stdin and stdout to the supervisor: whoever started us waits for their end."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, sys.stdin.fileno())
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def wait_for(supervisor: int) -> None:
    """Wait until the supervisor has ended, and reap what it leaves meanwhile."""
    while os.waitpid(-1, 0)[0] != supervisor:
        pass


def end_all_children() -> None:
    """Kill our children until there is none: those of a killed one become ours in turn."""
    until = time.monotonic() + KILL_TIMEOUT_SEC
    while time.monotonic() < until:
        for pid in children():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)  # not reaped yet, so it is no other process
        try:
            while os.waitpid(-1, os.WNOHANG)[0] != 0:
                pass
        except ChildProcessError:
            return
        time.sleep(CHECK_INTERVAL_SEC)


def children() -> list[int]:
    """Return the pids of our children, those that have ended and wait to be reaped among them."""
    found = []
    for entry in os.listdir("/proc"):  # noqa: PTH208 - pathlib would cost memory for hours
        if entry.isdecimal():
            with contextlib.suppress(OSError), open(f"/proc/{entry}/stat", errors="replace") as stat:  # noqa: PTH123
                if int(stat.read().rpartition(")")[2].split()[1]) == os.getpid():
                    found.append(int(entry))
    return found


if __name__ == "__main__":
    main()
