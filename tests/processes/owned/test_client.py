"""The processes of a show as its server sees them: order, readiness, ends, heals, output."""

import asyncio
import fcntl
import os
import signal
from pathlib import Path

import pytest

from demo.errors import SubjectError
from demo.processes.owned.client import OwnedProcesses
from demo.processes.owned.identity import SupervisorFiles
from demo.processes.owned.output import MAX_LINES
from demo.processes.owned.spec import ProcessState
from demo.processes.ports import free_ports
from demo.processes.procfs import is_stopped
from tests.support.owned_processes import (
    DEAF,
    LISTEN,
    new_mark,
    processes_of,
    programs_with,
    python,
    ref,
    spec,
    started,
    until_gone,
)
from tests.support.ratelimiter_system import until, until_async

pytestmark = [pytest.mark.anyio, pytest.mark.system]


async def has_printed(processes: OwnedProcesses, name: str, lines: int) -> bool:
    return (await processes.output(name)).end >= lines


async def has_no_port(processes: OwnedProcesses, name: str) -> bool:
    return not await processes.owns_port(name)


async def test_each_is_ready_before_the_next_is_started_and_the_last_one_is_stopped_first(tmp_path: Path) -> None:
    book = tmp_path / "book"
    code = """
import pathlib, signal, sys, time
book, name, port = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
def note(word):
    with book.open("a") as file: file.write(f"{name} {word}\\n")
def end(*_):
    note("stopped"); sys.exit(0)
signal.signal(signal.SIGTERM, end)
note("started")
import socket
time.sleep(0.1)
note("listens")
server = socket.create_server(("127.0.0.1", port))
while True: server.accept()[0].close()
"""
    ports = dict(zip(("db", "api", "web"), free_ports(3), strict=True))
    specs = [spec(name, python(code, str(book), name, str(port)), port=port) for name, port in ports.items()]
    async with started(specs) as processes:
        assert [processes.state(name).phase for name in ports] == ["up", "up", "up"]
        assert [await processes.owns_port(name) for name in ports] == [True, True, True]
    expected = [f"{name} {word}" for name in ports for word in ("started", "listens")]
    assert book.read_text().splitlines() == [*expected, "web stopped", "api stopped", "db stopped"]


@pytest.mark.parametrize("begun_sec", [0.0, 0.02, 0.1, 0.3])
async def test_a_start_that_is_cancelled_leaves_no_supervisor(begun_sec: float) -> None:
    mark = new_mark()
    processes = OwnedProcesses(mark, [spec("web", python("import time; time.sleep(60)"))])
    starting = asyncio.create_task(processes.admit())
    await asyncio.sleep(begun_sec)
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await processes.stop()
    lock = SupervisorFiles.of_show(mark).lock
    # The guard and the supervisor hold it as long as they live.
    lock.touch()
    with lock.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


async def test_a_process_is_ready_when_its_judge_says_so(tmp_path: Path) -> None:
    flag, asked = tmp_path / "flag", []

    async def is_ready() -> bool:
        asked.append(processes.state("slow").phase)
        if len(asked) == 3:
            flag.touch()
        return flag.exists()

    processes = processes_of([spec("slow"), spec("next")], {"slow": is_ready})
    phases: list[tuple[str, str]] = []
    processes.on_change(lambda state: phases.append((state.name, state.phase)))
    try:
        await processes.start()
    finally:
        await processes.stop()
    assert asked == ["starting"] * 3
    assert phases.index(("slow", "up")) < phases.index(("next", "starting"))


async def test_one_that_its_judge_never_calls_ready_is_ended_with_its_last_line() -> None:
    async def never() -> bool:
        return False

    mark = new_mark()
    code = "import time; print('waiting for a disk', flush=True); time.sleep(600)"
    processes = processes_of([spec("slow", python(code, mark), ready_timeout_sec=0.5)], {"slow": never})
    try:
        with pytest.raises(SubjectError, match=r"^slow is not ready after 0.5 s: waiting for a disk$"):
            await processes.start()
        assert processes.state("slow").phase == "ended"
        assert not programs_with(mark)
    finally:
        await processes.stop()


async def test_a_death_is_told_with_its_reason_and_it_stays_dead_until_it_is_healed() -> None:
    told: list[ProcessState] = []
    async with started([spec("a"), spec("b")]) as processes:
        before = ref(processes, "a")
        processes.on_change(told.append)
        before.kill()
        await until(lambda: told)
        assert (told[0].name, told[0].phase, told[0].exit_code, told[0].trouble) == ("a", "ended", -9, "killed")
        assert told[0].reason == "a was ended by SIGKILL: it printed nothing"
        assert processes.state("b").alive
        # Longer than everything that could bring it back: a restart of the other one.
        await processes.kill("b")
        await until(lambda: not processes.state("b").alive)
        healed = await processes.restart("b")
        assert (healed.phase, healed.starts) == ("up", 2)
        assert not processes.state("a").alive
        await processes.restart("a")
        assert processes.state("a").alive
        assert ref(processes, "a") != before


async def test_what_a_dead_process_leaves_is_killed() -> None:
    mark = new_mark()
    code = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:], start_new_session=True); time.sleep(600)"
    async with started([spec("parent", python(code, *python(DEAF, mark)))]) as processes:
        await until(lambda: len(programs_with(mark)) == 2)
        ref(processes, "parent").kill()
        await until_gone(mark)


async def test_a_heal_does_nothing_to_what_is_up_and_replaces_what_hangs() -> None:
    (port,) = free_ports(1)
    hangs = """
import os, signal, socket, sys, time
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
def hang(*_):
    server.close()
    while True: time.sleep(600)
signal.signal(signal.SIGUSR1, hang)
while True: server.accept()[0].close()
"""
    async with started([spec("web", python(hangs, str(port)), port=port)]) as processes:
        first = ref(processes, "web")
        await processes.restart("web")
        assert ref(processes, "web") == first
        os.kill(first.pid, signal.SIGUSR1)
        await until_async(lambda: has_no_port(processes, "web"))
        assert processes.state("web").alive
        await processes.restart("web")
        assert ref(processes, "web") != first
        assert not first.is_alive
        assert await processes.owns_port("web")


async def test_one_that_its_judge_finds_hanging_is_replaced(tmp_path: Path) -> None:
    well = tmp_path / "well"
    well.touch()

    async def is_ready() -> bool:
        if not well.exists() and processes.state("app").starts == 2:
            return True
        return well.exists()

    processes = processes_of([spec("app")], {"app": is_ready})
    try:
        await processes.start()
        first = ref(processes, "app")
        await processes.restart("app")
        assert ref(processes, "app") == first
        well.unlink()
        await processes.restart("app")
        assert ref(processes, "app") != first
    finally:
        await processes.stop()


async def test_a_suspended_process_is_told_of_and_a_heal_lets_it_go_on() -> None:
    (port,) = free_ports(1)
    # The one that listens is a child, as with a script that starts a server.
    code = "import subprocess, sys; subprocess.run(sys.argv[1:])"
    async with started([spec("web", python(code, *python(LISTEN, str(port))), port=port)]) as processes:
        before = ref(processes, "web")
        await processes.suspend("web")
        await until(lambda: processes.state("web").suspended)
        listening = [pid for pid in programs_with(str(port)) if pid != before.pid]
        assert [is_stopped(pid) for pid in listening] == [True]
        await processes.restart("web")
        await until(lambda: not processes.state("web").suspended)
        assert [is_stopped(pid) for pid in listening] == [False]
        assert ref(processes, "web") == before


async def test_output_is_kept_as_it_came_and_no_more_than_its_last_lines() -> None:
    code = f"print('\\x1b[31mred\\x1b[0m', flush=True)\nfor i in range({MAX_LINES + 50}): print('line', i, flush=True)"
    async with started([spec("talker", python(code + "\nimport time; time.sleep(600)"))]) as processes:
        end = MAX_LINES + 51
        await until_async(lambda: has_printed(processes, "talker", end))
        found = await processes.output("talker")
        assert len(found.lines) == MAX_LINES
        assert found.lines[-1] == f"line {MAX_LINES + 49}"
        assert (await processes.output("talker", since=end - 2)).lines == found.lines[-2:]
        assert (await processes.output("talker", since=end)).lines == ()
    coloured = "print('\\x1b[31mred\\x1b[0m', flush=True); import time; time.sleep(600)"
    async with started([spec("talker", python(coloured))]) as processes:
        await until_async(lambda: has_printed(processes, "talker", 1))
        assert (await processes.output("talker")).lines == ("\x1b[31mred\x1b[0m",)


async def test_one_that_prints_for_ever_delays_nobody() -> None:
    async with started([spec("flood", ("yes",)), spec("other")]) as processes:
        async with asyncio.timeout(5):
            await processes.restart("other")
            await processes.kill("other")
            await until(lambda: not processes.state("other").alive, 2.0)
        assert len((await processes.output("flood")).lines) == MAX_LINES


async def test_restarts_at_the_same_time_start_it_once() -> None:
    async with started([spec("a"), spec("b")]) as processes:
        await processes.kill("a")
        await until(lambda: not processes.state("a").alive)
        states = await asyncio.gather(*(processes.restart("a") for _ in range(5)), processes.restart("b"))
        assert processes.state("a").starts == 2
        assert len({state.pid for state in states if state.name == "a"}) == 1


async def test_one_that_ignores_sigterm_is_killed_with_all_that_it_started() -> None:
    mark = new_mark()
    code = f"import subprocess, sys; subprocess.Popen(sys.argv[1:]); {DEAF}"
    argv = python(code, *python(DEAF, mark))
    processes = processes_of([spec("deaf", argv, stop_timeout_sec=0.2)])
    await processes.start()
    await until(lambda: len(programs_with(mark)) == 2)
    await processes.stop()
    assert not programs_with(mark)


async def test_a_name_that_is_not_of_this_show_is_refused() -> None:
    processes = processes_of([spec("a")])
    with pytest.raises(SubjectError, match="this show has no process 'b'"):
        processes.state("b")
    await processes.stop()


async def test_a_show_that_is_ended_while_it_starts_does_not_wait_for_it() -> None:
    mark = new_mark()
    (port,) = free_ports(1)
    code = "import time; time.sleep(600)"
    processes = processes_of([spec("a"), spec("web", python(code, mark), port=port, ready_timeout_sec=60)])
    starting = asyncio.create_task(processes.start())
    await until(lambda: processes.state("web").pid is not None)
    await processes.stop()
    with pytest.raises(SubjectError, match="web was stopped"):
        await starting
    assert not programs_with(mark)


async def test_one_that_goes_into_the_background_once_it_is_ready_is_ended_and_says_so() -> None:
    mark = new_mark()
    code = "import os, sys, time\nif os.fork(): time.sleep(0.3); os._exit(0)\nos.setsid(); time.sleep(600)"
    async with started([spec("daemon", python(code, mark))]) as processes:
        await until(lambda: "went into the background" in processes.state("daemon").reason)
        await until_gone(mark)
