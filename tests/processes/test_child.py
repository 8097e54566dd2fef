"""Child processes: they never outlive their parent, are reaped, and can be killed and asked about."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from demo.errors import SubjectError
from demo.processes.child import (
    PARENT_DEATH_SIGNAL,
    ROOT,
    Child,
    build_child_command,
    build_module_command,
    start_time_of,
)
from tests.support.ratelimiter_system import is_running, until

pytestmark = [pytest.mark.anyio, pytest.mark.system]

SLEEP = "/bin/sleep"
DEAF = "import signal; [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; print('up', flush=True); signal.pause()"


def python(code: str) -> tuple[str, ...]:
    return build_child_command(sys.executable, "-c", textwrap.dedent(code))


def is_listed(pid: int) -> bool:
    """By the kernel, ended or not."""
    return Path(f"/proc/{pid}").exists()


async def test_a_stopped_child_is_reaped_at_once() -> None:
    child = Child("sleeper", build_child_command(SLEEP, "60"))
    await child.start()
    assert child.is_alive
    assert child.pid is not None
    started = time.monotonic()
    await child.stop()
    assert time.monotonic() - started < 1.5
    assert not is_listed(child.pid), "not even a zombie is left"
    await child.stop()


async def test_a_child_that_ignores_sigterm_is_killed() -> None:
    child = Child("deaf", python(DEAF))
    await child.start()
    await until(lambda: child.tail == "up")
    await child.stop(grace_sec=0.1)
    assert child.was_killed


async def test_what_it_wrote_last_is_kept_for_messages() -> None:
    child = Child("talker", python("print('first'); raise SystemExit('no such port')"))
    await child.start()
    assert await child.wait() == 1
    assert child.tail.splitlines() == ["no such port", "first"] or child.tail.splitlines() == ["first", "no such port"]


async def test_it_is_told_what_to_do_by_its_first_line() -> None:
    child = Child("listener", python("print('got ' + input(), flush=True)"), b"the word")
    await child.start()
    assert await child.wait() == 0
    assert child.tail == "got the word"


async def test_a_program_that_reads_to_the_end_is_given_one() -> None:
    child = Child(
        "reader", python("import sys; print('got', sys.stdin.read().split())"), b"the word", keeps_stdin=False
    )
    await child.start()
    assert await child.wait() == 0
    assert child.tail == "got ['the', 'word']"
    await child.stop()


def test_a_process_that_ended_but_was_not_reaped_is_gone() -> None:
    ended = subprocess.Popen([SLEEP, "60"])
    assert start_time_of(ended.pid) is not None
    ended.kill()
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    try:
        assert is_listed(ended.pid)
        assert start_time_of(ended.pid) is None
    finally:
        ended.wait()


async def test_a_program_that_does_not_exist_says_so() -> None:
    child = Child("ghost", ("/nonexistent/program",))
    with pytest.raises(SubjectError, match="ghost could not be started"):
        await child.start()
    assert not child.is_alive
    await child.stop()


async def test_a_child_in_a_session_of_its_own_does_not_hear_ctrl_c() -> None:
    child = Child("sleeper", build_child_command(SLEEP, "60"))
    await child.start()
    assert child.pid is not None
    assert os.getsid(child.pid) == child.pid != os.getsid(0)
    await child.stop()


async def test_birth_tells_one_process_from_another_of_the_same_pid() -> None:
    own = start_time_of(os.getpid())
    assert own is not None
    child = Child("sleeper", build_child_command(SLEEP, "60"))
    await child.start()
    assert child.pid is not None
    born = start_time_of(child.pid)
    assert born is not None
    assert born > own
    await child.stop()
    assert start_time_of(child.pid) is None


PARENT = """
import asyncio, sys
sys.path.insert(0, {root!r})
from demo.processes.child import Child, build_child_command
async def main():
    sleeper = Child("sleeper", build_child_command("/bin/sleep", "60"))
    waiter = Child("waiter", build_child_command(sys.executable, "-c", {waiter!r}))
    await sleeper.start()
    await waiter.start()
    print(sleeper.pid, waiter.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_no_child_outlives_its_parent_however_that_ends(how: signal.Signals) -> None:
    code = PARENT.format(root=str(ROOT), waiter=DEAF)
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    pids = [int(word) for word in (await parent.stdout.readline()).split()]
    assert [is_running(pid) for pid in pids] == [True, True]
    parent.send_signal(how)
    await parent.wait()
    await until(lambda: not any(is_running(pid) for pid in pids), 3.0)


async def test_no_child_is_started_for_a_parent_that_has_terminated() -> None:
    """The parent died between the spawn and the request for its death signal: nobody would send the signal any more."""
    nobody = 2**22 + 1
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", str(PARENT_DEATH_SIGNAL), str(nobody), SLEEP, "60", stderr=asyncio.subprocess.PIPE
    )
    _, said = await started.communicate()
    assert started.returncode == 1
    assert b"the parent process has terminated" in said


async def test_nothing_in_the_working_directory_shadows_a_child_s_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "__init__.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    child = Child("node", build_module_command("demo.subjects.ratelimiter.node"), b"not json")
    await child.start()
    await child.wait()
    assert "started by the show" in child.tail


SAYS_WHAT_IT_HAS = """
import gc, ssl
from demo.processes.service import run
print(ssl.create_default_context().cert_store_stats()["x509"], gc.isenabled(), flush=True)
def build(config):
    print(gc.isenabled(), flush=True)
    raise SystemExit
run(build)
"""


async def test_a_module_of_ours_starts_without_certificates_and_without_collecting_what_it_imports(
    tmp_path: Path,
) -> None:
    (tmp_path / "has.py").write_text(SAYS_WHAT_IT_HAS)
    child = Child("has", (*build_module_command("has")[:-1], str(tmp_path)), b"{}")
    await child.start()
    await child.wait()
    assert child.tail.splitlines() == ["0 False", "True"]
