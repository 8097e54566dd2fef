"""What a server's processes cost, from /proc: CPU, resident memory, open files. Linux only."""

import os
from dataclasses import dataclass
from pathlib import Path

PAGE_KB = os.sysconf("SC_PAGE_SIZE") / 1024
PROC = Path("/proc")


@dataclass(frozen=True)
class Cost:
    """`cpu_sec` since they began, `rss_kb` of user memory: what the kernel holds for a connection is not in it."""

    cpu_sec: float
    rss_kb: float
    files: int


def cost(pid: int, *, with_children: bool = True) -> Cost:
    """Of a process, and of all below it."""
    pids = [pid, *(_below(pid) if with_children else [])]
    return Cost(sum(map(_cpu_sec, pids)), sum(map(_rss_kb, pids)), sum(map(_files, pids)))


def _below(pid: int) -> list[int]:
    found: list[int] = []
    for task in (PROC / str(pid) / "task").iterdir():
        children = [int(child) for child in (task / "children").read_text().split()]
        found += [one for child in children for one in (child, *_below(child))]
    return found


def _cpu_sec(pid: int) -> float:
    """In nanoseconds from the scheduler: the ticks of `stat` are as long as a whole round."""
    tasks = (PROC / str(pid) / "task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def _rss_kb(pid: int) -> float:
    return int((PROC / str(pid) / "statm").read_text().split()[1]) * PAGE_KB


def _files(pid: int) -> int:
    return len(list((PROC / str(pid) / "fd").iterdir()))


def machine() -> str:
    """CPU model, cores, kernel: what figures are worth nothing without."""
    info = (PROC / "cpuinfo").read_text().splitlines()
    model = next((line.partition(": ")[2] for line in info if line.startswith("model name")), os.uname().machine)
    return f"{model}, {os.cpu_count()} cores, {os.uname().sysname} {os.uname().release}"
