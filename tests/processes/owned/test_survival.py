"""What survives what: a killed server's processes are adopted, a killed supervisor leaves nothing."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from demo.errors import SubjectError
from demo.processes.child import ROOT
from demo.processes.owned import healing
from demo.processes.owned.client import OwnedProcesses
from demo.processes.owned.connection import SupervisorConnection
from demo.processes.owned.identity import SupervisorFiles, SupervisorIdentity
from demo.processes.process_ref import ProcessRef
from tests.support.owned_processes import (
    DEAF,
    QUICK,
    identity_of,
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

SERVER = """
import asyncio, json, sys
sys.path.insert(0, sys.argv[1])
from demo.processes.owned.client import OwnedProcesses
from demo.processes.owned.spec import Limits, ProcessSpec
async def main():
    show, limits, specs = json.loads(sys.argv[2])
    processes = OwnedProcesses(show, [ProcessSpec.from_json(one) for one in specs], None, Limits.from_json(limits))
    await processes.start()
    print(json.dumps(processes.identity.to_json()), flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


@asynccontextmanager
async def served_elsewhere(processes: OwnedProcesses) -> AsyncIterator[asyncio.subprocess.Process]:
    """Another server process that has started the same show."""
    order = json.dumps(
        [processes.show, processes.limits.to_json(), [one.to_json() for one in processes.specs.values()]]
    )
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER, str(ROOT), order, stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    assert await server.stdout.readline(), "it has started all processes"
    try:
        yield server
    finally:
        if server.returncode is None:
            server.kill()
        await server.wait()


async def has_printed(processes: OwnedProcesses, name: str) -> bool:
    return (await processes.output(name)).end > 0


async def is_down(identity: SupervisorIdentity, name: str) -> bool:
    return not (await healing.observe(identity, name)).is_up


def recorded(show: str) -> SupervisorIdentity:
    found = SupervisorFiles.of_show(show).read()
    assert found is not None
    return found[0]


async def test_what_a_killed_server_has_started_lives_on_and_the_next_one_adopts_it() -> None:
    mark = new_mark()
    processes = processes_of([spec("a", python(DEAF, mark)), spec("b")])
    async with served_elsewhere(processes) as server:
        pids = programs_with(mark)
        assert len(pids) == 1
        with pytest.raises(SubjectError, match=rf"already presented by process {server.pid}: end that first"):
            await processes.start()
        server.kill()
        await server.wait()
    assert programs_with(mark) == pids
    try:
        found = await processes.start()
        assert (found.adopted, found.changed, found.removed) == (True, (), ())
        assert [processes.state(name).starts for name in ("a", "b")] == [1, 1]
        assert processes.state("a").pid == pids[0]
        await processes.kill("b")
        await until(lambda: not processes.state("b").alive)
    finally:
        await processes.stop()
    await until_gone(mark)


async def test_a_healing_process_needs_the_identity_alone() -> None:
    processes = processes_of([spec("a"), spec("b")])
    async with served_elsewhere(processes) as server:
        server.kill()
        await server.wait()
    identity = SupervisorIdentity.from_json(json.loads(json.dumps(recorded(processes.show).to_json())))
    try:
        before = await healing.observe(identity, "a")
        assert before.is_up
        assert before.state.pid is not None
        ProcessRef(before.state.pid, before.state.born).kill()
        await until_async(lambda: is_down(identity, "a"))
        await healing.restart(identity, "a")
        after = await healing.observe(identity, "a")
        assert after.is_up
        assert after.state.starts == 2
        with pytest.raises(SubjectError, match="has ended"):
            await healing.observe(replace(identity, born=1), "a")
    finally:
        await processes.start()
        await processes.stop()


@pytest.mark.parametrize("killed", ["supervisor", "guard"])
async def test_a_killed_supervisor_leaves_nothing_and_the_next_start_is_a_clean_one(killed: str) -> None:
    mark = new_mark()
    # A daemon that has left its session and cleared its environment, beside one that is still a child.
    code = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork(): os._exit(0)
    os.execve(sys.executable, [sys.executable, "-I", "-S", "-c", sys.argv[1], sys.argv[2]], {})
time.sleep(600)
"""
    processes = processes_of([spec("a", python(code, DEAF, mark)), spec("b", python(DEAF, mark), stop_timeout_sec=0.2)])
    await processes.start()
    await until(lambda: len(programs_with(mark)) == 3)
    first = identity_of(processes)
    os.kill(first.pid if killed == "supervisor" else first.guard, signal.SIGKILL)
    await until(lambda: not processes.state("a").alive and not processes.state("b").alive)
    await until_gone(mark)
    await until(lambda: first.has_ended)
    assert processes.identity is None
    # A heal of one of them starts the show's processes anew.
    try:
        await processes.restart("b")
        assert identity_of(processes) != first
        assert processes.state("a").alive
    finally:
        await processes.stop()
    files = SupervisorFiles.of_show(processes.show)
    assert not files.state.exists()
    assert not files.socket.exists()


async def test_a_heal_starts_all_where_a_new_supervisor_was_only_admitted() -> None:
    """As with proxies: this server is admitted before it knows what is left."""
    processes = processes_of([spec("a"), spec("b")])
    await processes.start()
    try:
        first = identity_of(processes)
        os.kill(first.pid, signal.SIGKILL)
        await until(lambda: processes.identity is None)
        await processes.admit()
        await processes.restart("b")
        assert processes.state("a").alive
        assert processes.state("b").alive
    finally:
        await processes.stop()


async def test_a_heal_waits_for_a_supervisor_that_is_just_ending_and_starts_another_one() -> None:
    mark = new_mark()
    processes = processes_of([spec("a"), spec("b", python(DEAF, mark), stop_timeout_sec=1.0)])
    await processes.start()
    try:
        await until_async(lambda: has_printed(processes, "b"))  # it ignores SIGTERM from now on
        first = identity_of(processes)
        os.kill(first.guard, signal.SIGKILL)
        await until(lambda: not processes.state("a").alive or processes.identity is None)
        await processes.restart("a")
        assert identity_of(processes) != first
    finally:
        await processes.stop()


async def test_what_is_left_when_supervisor_and_guard_were_killed_the_next_start_ends() -> None:
    mark = new_mark()
    code = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:], start_new_session=True); time.sleep(600)"
    processes = processes_of([spec("a", python(code, *python(DEAF, mark)))])
    await processes.start()
    try:
        await until(lambda: len(programs_with(mark)) == 2)
        await until_async(lambda: has_printed(processes, "a"))  # a write to the dead supervisor would end it
        first, a = identity_of(processes), ref(processes, "a")
        os.kill(first.guard, signal.SIGSTOP)
        os.kill(first.pid, signal.SIGKILL)
        os.kill(first.guard, signal.SIGKILL)
        await until(lambda: first.has_ended and a.has_terminated)
        (left,) = programs_with(mark)
        await until(lambda: processes.identity is None)
        assert not (await processes.start()).adopted
        assert left not in programs_with(mark)
    finally:
        await processes.stop()
    assert not programs_with(mark)


async def test_files_of_a_supervisor_that_is_gone_confuse_nobody() -> None:
    processes = processes_of([spec("a")])
    files = SupervisorFiles.of_show(processes.show)
    ended = subprocess.Popen(["/bin/true"])
    ended.wait()
    # Of a process that has ended, and one of another boot whose pid is taken by now.
    for stale in (
        SupervisorIdentity(processes.show, str(files.socket), ended.pid, 1, ended.pid, 1, "another boot"),
        SupervisorIdentity(processes.show, str(files.socket), os.getpid(), 1, 1, 1, "another boot"),
    ):
        assert stale.has_ended
        files.write(stale, "token")
        files.socket.touch()
        try:
            assert not (await processes.start()).adopted
        finally:
            await processes.stop()


async def test_the_processes_end_some_time_after_the_last_client_has_gone() -> None:
    mark = new_mark()
    processes = processes_of(
        [spec("a", python("import time; time.sleep(600)", mark))], limits=replace(QUICK, linger=0.5)
    )
    async with served_elsewhere(processes):
        identity = recorded(processes.show)
        await asyncio.sleep(0.7)  # longer than the limit: while a server is connected, it does not count
        assert programs_with(mark)
    await until(lambda: identity.has_ended)
    assert not programs_with(mark)
    assert not SupervisorFiles.of_show(processes.show).state.exists()


async def test_sigterm_to_the_guard_ends_all_in_order() -> None:
    processes = processes_of([spec("a")])
    await processes.start()
    identity, a = identity_of(processes), ref(processes, "a")
    os.kill(identity.guard, signal.SIGTERM)
    await until(lambda: identity.has_ended)
    assert a.has_terminated
    await until(lambda: not processes.state("a").alive)
    assert "supervisor" in processes.state("a").reason or processes.state("a").reason == "stopped"
    await processes.stop()


async def test_a_closed_terminal_and_ctrl_c_do_not_reach_the_processes() -> None:
    async with started([spec("a")]) as processes:
        identity = identity_of(processes)
        pids = [identity.pid, identity.guard, ref(processes, "a").pid]
        assert os.getsid(0) not in [os.getsid(pid) for pid in pids]
        os.kill(identity.guard, signal.SIGHUP)
        os.kill(identity.pid, signal.SIGHUP)
        await processes.restart("a")
        assert processes.state("a").starts == 1


async def test_two_shows_beside_each_other_share_nothing() -> None:
    async with started([spec("a")]) as one, started([spec("a")]) as other:
        assert ref(one, "a") != ref(other, "a")
        await one.kill("a")
        await until(lambda: not one.state("a").alive)
        assert other.state("a").alive
        await one.stop()
        assert other.state("a").alive


async def test_two_servers_that_start_at_the_same_time_have_one_supervisor() -> None:
    one = processes_of([spec("a")])
    other = processes_of([spec("a")], show=one.show)
    results = await asyncio.gather(one.start(), other.start(), return_exceptions=True)
    try:
        refused = [result for result in results if isinstance(result, BaseException)]
        assert len(refused) == 1
        assert isinstance(refused[0], SubjectError)
        assert "already presented by process" in str(refused[0])
    finally:
        await one.stop()
        await other.stop()


async def test_a_process_that_is_described_otherwise_is_replaced_when_the_show_starts_again() -> None:
    before = processes_of([spec("a"), spec("b"), spec("c")])
    await before.start()
    kept = ref(before, "a")
    await before.close()
    after = processes_of([spec("a"), spec("b", ["sleep", "601"])], show=before.show)
    try:
        found = await after.start()
        assert (found.adopted, found.changed, found.removed) == (True, ("b",), ("c",))
        assert ref(after, "a") == kept
        assert after.state("b").alive
    finally:
        await after.stop()


async def test_only_its_user_with_the_token_may_command_it() -> None:
    async with started([spec("a")]) as processes:
        files = SupervisorFiles.of_show(processes.show)
        for path in (files.socket, files.state, files.log, files.lock):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert stat.S_IMODE(files.socket.parent.stat().st_mode) == 0o700
        stranger = SupervisorConnection(identity_of(processes))
        with pytest.raises(SubjectError, match="wrong token"):
            await stranger.open("guess", "healer")
        token = json.loads(files.state.read_text())["token"]
        assert token not in json.dumps(identity_of(processes).to_json())


async def test_a_state_directory_that_is_too_long_for_a_socket_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / ("long" * 25)))
    with pytest.raises(SubjectError, match="too long for a Unix socket: set XDG_STATE_HOME to a shorter directory"):
        await processes_of([spec("a")]).start()
