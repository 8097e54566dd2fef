"""A process's end is told at once, by the kernel, and only that of the process that is meant."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from demo.processes.child import start_time_of
from demo.processes.death_watch import DeathWatch
from demo.processes.process_ref import ProcessRef

pytestmark = pytest.mark.anyio


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_the_end_of_a_process_that_is_not_our_child_is_told_once() -> None:
    told, died = 0, asyncio.Event()

    def tell() -> None:
        nonlocal told
        told += 1
        died.set()

    process = subprocess.Popen(["sleep", "1000"])
    watch = DeathWatch(tell)
    try:
        ref = ProcessRef(process.pid, start_time_of(process.pid))
        watch.follow([ref, None])
        watch.follow([ref])
        assert told == 0
        process.kill()
        await asyncio.wait_for(died.wait(), 30)
        for _ in range(3):
            await asyncio.sleep(0)
        assert told == 1
    finally:
        process.kill()
        process.wait()
        before = open_descriptors()
        watch.close()
    assert open_descriptors() == before - 1


async def test_a_pid_that_is_another_process_s_by_now_is_not_followed() -> None:
    watch = DeathWatch(lambda: pytest.fail("nothing of ours has ended"))
    before = open_descriptors()
    watch.follow([ProcessRef(os.getpid(), 1)])
    assert open_descriptors() == before
    watch.close()
