"""Processes that cannot be started: a sentence with the reason, and nothing of them is left."""

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from demo.errors import SubjectError
from demo.processes.owned.spec import ProcessSpec
from demo.processes.ports import free_ports
from tests.support.owned_processes import (
    DEAF,
    QUICK,
    new_mark,
    processes_of,
    programs_with,
    python,
    server_on,
    spec,
    until_gone,
)

pytestmark = [pytest.mark.anyio, pytest.mark.system]

SAYS_WHY = "import sys; print('first', flush=True); print('refusing to run as root', file=sys.stderr); sys.exit(3)"


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def at_once() -> bool:
    return True


async def why_it_does_not_start(failing: ProcessSpec) -> str:
    """Start it between two others: the one before runs on, the one behind is not started."""
    limits = replace(QUICK, alive=30.0)  # however busy the machine is, what ends by itself ends before that
    processes = processes_of([spec("before"), failing, spec("behind")], {"before": at_once}, limits)
    try:
        with pytest.raises(SubjectError) as refused:
            await processes.start()
        assert processes.state("before").phase == "up"
        assert processes.state("behind").phase == "new"
        state = processes.state(failing.name)
        assert (state.phase, state.reason) == ("ended", str(refused.value))
        assert state.trouble
    finally:
        await processes.stop()
    return str(refused.value)


async def test_a_command_that_is_not_there() -> None:
    why = await why_it_does_not_start(spec("web", ["no-such-command", "--port", "1"]))
    assert why == "web could not be started: the command no-such-command was not found"


async def test_a_program_that_may_not_be_executed_or_whose_interpreter_is_missing(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/nonexistent/interpreter\n")
    why = await why_it_does_not_start(spec("web", ["./script"], cwd=str(tmp_path)))
    assert why == "web could not be started: may not execute ./script"
    script.chmod(0o755)
    why = await why_it_does_not_start(spec("web", ["./script"], cwd=str(tmp_path)))
    assert "names an interpreter in its first line that is not there" in why


async def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    why = await why_it_does_not_start(spec("web", cwd=str(tmp_path / "missing")))
    assert why == f"web could not be started: cannot use the folder {tmp_path}/missing (No such file or directory)"


async def test_one_that_ends_while_starting_is_quoted() -> None:
    (port,) = free_ports(1)
    why = await why_it_does_not_start(spec("web", python(SAYS_WHY), port=port))
    assert why == "web ended with code 3 while starting: refusing to run as root"


async def test_one_that_needs_input_gets_none_and_says_so() -> None:
    why = await why_it_does_not_start(spec("shell", python("import os; os.ttyname(0)")))
    assert why == "shell ended with code 1 while starting: OSError: [Errno 25] Inappropriate ioctl for device"


async def test_a_port_that_another_program_has() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        why = await why_it_does_not_start(server_on("web", port))
        assert f"web: port {port} is used by " in why
        assert f"process {os.getpid()}: stop that program, then heal" in why


async def test_an_answer_on_the_port_counts_only_if_the_process_itself_gives_it() -> None:
    """Another program takes the port while the process is starting."""
    (port,) = free_ports(1)
    mark = new_mark()
    processes = processes_of(
        [spec("web", python("import time; time.sleep(600)", mark), port=port, ready_timeout_sec=1)]
    )
    listening: list[socket.socket] = []
    processes.on_change(
        lambda state: (
            listening.append(socket.create_server(("127.0.0.1", port)))
            if state.phase == "starting" and state.pid is not None and not listening
            else None
        )
    )
    try:
        with pytest.raises(
            SubjectError, match=rf"^web does not listen on port {port} after 1 s: port {port} is used by"
        ):
            await processes.start()
        assert listening
        assert not programs_with(mark)
    finally:
        await processes.stop()
        for server in listening:
            server.close()


async def test_one_that_listens_too_late() -> None:
    (port,) = free_ports(1)
    code = "import time; print('loading', flush=True); time.sleep(600)"
    why = await why_it_does_not_start(spec("web", python(code), port=port, ready_timeout_sec=0.5))
    assert why == f"web does not accept on port {port} after 0.5 s: loading"


@pytest.mark.parametrize("own_session", [False, True])
async def test_one_that_goes_into_the_background(own_session: bool) -> None:
    """As a daemon does: it leaves its session, and may overwrite its environment."""
    mark = new_mark()
    code = """
import os, sys, time
if os.fork(): time.sleep(0.02); os._exit(0)
if sys.argv[1] == "True": os.setsid()
if os.fork(): os._exit(0)
os.execve(sys.executable, [sys.executable, "-I", "-S", "-c", sys.argv[2], sys.argv[3]], {})
"""
    why = await why_it_does_not_start(spec("daemon", python(code, str(own_session), DEAF, mark)))
    assert "daemon went into the background (" in why
    assert "and was ended: have it run in the foreground" in why
    await until_gone(mark)


async def test_secrets_in_the_environment_are_in_no_command_line_file_or_message(state_home: Path) -> None:
    secret = new_mark()
    code = "import os; raise SystemExit(0 if os.environ['PASSWORD'].startswith('mark-') else 9)"
    why = await why_it_does_not_start(spec("web", python(code), env={"PASSWORD": secret}))
    assert why == "web ended with code 0 while starting: it printed nothing"
    assert secret not in repr(spec("web", env={"PASSWORD": secret}))
    files = files_below(state_home)
    assert files
    assert all(secret.encode() not in path.read_bytes() for path in files)
