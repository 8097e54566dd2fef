"""What is said on stdout never stops the show: a paused terminal, a full pipe, nobody there."""

import contextlib
import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path

from demo.console_output import MAX_WAITING
from tests.support import fetch
from tests.support.servers import wait_for

BURST = """
import asyncio, sys
from demo.console_output import ConsoleWriter
async def main():
    say = ConsoleWriter(quiet=False)
    for number in range(20_000):
        say(f"line {number}")
    print(len(say._waiting), file=sys.stderr)
    say.finish(0.2)
asyncio.run(main())
"""


def test_a_pipe_that_nobody_reads_holds_nobody_up() -> None:
    with subprocess.Popen([sys.executable, "-c", BURST], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.wait(30) == 0
        assert process.stdout is not None
        assert process.stderr is not None
        assert 0 < int(process.stderr.read()) <= MAX_WAITING
        assert process.stdout.read().startswith(b"line 0\nline 1\n")


GAP = """
import asyncio, sys
from demo.console_output import ConsoleWriter
async def main():
    say = ConsoleWriter(quiet=False)
    for number in range(20_000):
        say(f"line {number}")
    print("full", file=sys.stderr, flush=True)
    await asyncio.to_thread(input)
    say("the last one")
    say.finish(10)
asyncio.run(main())
"""


def test_lines_that_nobody_read_in_time_are_counted_where_they_are_missing() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", GAP], stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stderr.readline() == "full\n"
        said = [process.stdout.readline() for _ in range(3000)]
        process.stdin.write("\n")
        process.stdin.close()
        said += process.stdout.readlines()
    missing = [line for line in said if not line.startswith(("line ", "the last one"))]
    found = re.fullmatch(
        r"\((\d+) lines are missing here: the terminal did not read them in time\)\n", "".join(missing)
    )
    assert found
    assert int(found[1]) + len(said) - 1 == 20_001


def test_a_paused_terminal_does_not_stop_the_server(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "demo", "serve", "none", "--port", "0", "--no-open", "--public-name", "demo.test"]
    environ = dict(os.environ) | {"XDG_STATE_HOME": str(tmp_path)}
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.DEVNULL, env=environ, start_new_session=True
    )
    try:
        os.set_blocking(ours, False)
        said = bytearray()

        def look(words: bytes) -> bool:
            with contextlib.suppress(BlockingIOError):
                said.extend(os.read(ours, 65536))
            return words in said

        wait_for(lambda: look(b"Ctrl-C"), 30)
        found = re.search(rb"127\.0\.0\.1:(\d+)", said)
        token = re.search(rb"token\s+(\S+)", said)
        assert found
        assert token
        here = f"http://127.0.0.1:{int(found[1])}"
        bearer = {"Authorization": f"Bearer {Path(token[1].decode()).read_text().strip()}"}
        termios.tcflow(theirs, termios.TCOOFF)
        for _ in range(3):
            secret = fetch.get(f"{here}/pairing", headers=bearer).json()["link"].partition("#")[2]
            assert fetch.post(f"{here}/pair", json={"secret": secret}).status_code == 200
        assert fetch.post(f"{here}/halt", headers=bearer).status_code == 200
        termios.tcflow(theirs, termios.TCOON)
        wait_for(lambda: look(b"new codes"))
        process.terminate()
        assert wait_for(lambda: look(b"\x00") or process.poll() is not None, 20)
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


SLOWLY = """
import asyncio, sys, time
from demo.console_output import ConsoleWriter
async def main():
    say = ConsoleWriter(quiet=False)
    for number in range(20_000):
        say(f"line {number}")
    print("full", file=sys.stderr, flush=True)
    begun = time.monotonic()
    say.finish(0.5)
    print(time.monotonic() - begun, file=sys.stderr)
asyncio.run(main())
"""


def test_a_pipe_that_is_read_slowly_does_not_stretch_the_end() -> None:
    """Each piece that is taken may come in time, and all of them together late."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", SLOWLY], stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stderr.readline() == "full\n"
        while process.poll() is None:
            os.read(process.stdout.fileno(), 4096)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.3)
        assert float(process.stderr.read()) < 2.5, "by pieces: 5 s"
