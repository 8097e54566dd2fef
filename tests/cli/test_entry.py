"""Where the command starts: with standard streams that were closed, and called off while it still loads."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support import fetch
from tests.support.relays import free_port
from tests.support.servers import wait_for


def shell(closed: str, *words: str) -> list[str]:
    return ["sh", "-c", f"exec {shlex.join([sys.executable, '-m', 'demo', *words])} {closed}"]


CLOSED = ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"]


@pytest.mark.parametrize("closed", CLOSED)
def test_a_show_in_a_pipe_is_played_with_streams_that_are_closed(closed: str, tmp_path: Path) -> None:
    environ = os.environ | {"XDG_STATE_HOME": str(tmp_path)}
    ended = subprocess.run(
        shell(closed, "run", "none"), input="q\n", capture_output=True, text=True, timeout=60, env=environ, check=False
    )
    assert ended.returncode == 0
    assert ended.stderr == ""
    assert ("Show ended on [1/5]." in ended.stdout) is (">&-" not in closed.split())


@pytest.mark.parametrize("closed", CLOSED)
def test_a_show_is_served_with_streams_that_are_closed(closed: str, tmp_path: Path) -> None:
    port = free_port()
    environ = os.environ | {"XDG_STATE_HOME": str(tmp_path)}
    with subprocess.Popen(shell(closed, "serve", "none", "--no-open", "--port", str(port)), env=environ) as process:

        def serves() -> bool:
            assert process.poll() is None
            try:
                return fetch.get(f"http://127.0.0.1:{port}/state").status_code == 200
            except httpx.TransportError:
                return False

        try:
            wait_for(serves, 30)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()


CALLED_OFF = """
import runpy, sys

class Impatient:
    def find_spec(self, name, path, target=None):
        if name == "demo.cli.main":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Impatient())
runpy.run_module("demo", run_name="__main__")
"""


def test_ctrl_c_while_it_still_loads_ends_it_without_a_traceback() -> None:
    ended = subprocess.run([sys.executable, "-c", CALLED_OFF], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
