"""The program that runs one activity: what it calls a success, a failure and a wrong call, by its exit code."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

FUNCTIONS = """\
import asyncio, time

async def act(path):
    await asyncio.sleep(0)
    open(path, "w").write("done")
    return "awaited"

def hang():
    while True:
        time.sleep(1)

def fail():
    raise ValueError("it burns")

def leave():
    raise SystemExit(0)

def later():
    yield 1

def secret(secrets, configuration):
    return [secrets, configuration]

def is_even(value):
    return value % 2 == 0

def number(n):
    return n
"""


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"role": "leader", "asked": self.path, "token": self.headers.get("X-Token")}).encode()
        self.send_response(500 if self.path.startswith("/broken") else 200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    return tmp_path


def run(folder: Path, activity: Any, **environ: str) -> "subprocess.CompletedProcess[str]":
    text = activity if isinstance(activity, str) else json.dumps(activity)
    return subprocess.run(
        [sys.executable, "-m", "demo.chaos_toolkit.activity", text],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def python(func: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "python", "module": "functions", "func": func, "arguments": arguments}


def test_a_coroutine_is_awaited(folder: Path) -> None:
    done = run(folder, {"provider": python("act", path="mark")})
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, "awaited", "")
    assert (folder / "mark").read_text() == "done"


@pytest.mark.parametrize(
    ("activity", "said"),
    [
        ({"provider": python("fail")}, "it burns"),
        ({"provider": python("leave")}, "SystemExit"),
        ({"provider": python("later")}, "returned a generator: nothing of it has run"),
        ({"provider": python("hang"), "timeout": 0.5}, "did not end within 0.5 s"),
        ({"provider": python("nothing")}, "nothing"),
        ({"provider": {"type": "python", "module": "no_such_module", "func": "x"}}, "no_such_module"),
        ({"provider": python("number", n=3), "tolerance": 4}, "3 is not within 4"),
        ({"provider": {"type": "process", "path": "false"}}, "exit code 1"),
        ({"provider": {"type": "process", "path": "no-such-program"}}, "No such file"),
        ({"provider": {"type": "process", "path": "sleep", "arguments": ["60"]}, "timeout": 0.5}, "within 0.5 s"),
        ({"provider": {"type": "process", "path": "kill", "arguments": '"$(<no.pid)"'}}, "exit code"),
        ({"provider": {"type": "http", "url": "http://127.0.0.1:1/"}, "timeout": 5}, "no answer"),
        ({"provider": {"type": "http", "url": "file:///etc/passwd"}}, "must begin with http"),
        ({"provider": {"type": "process", "path": "true"}, "secrets": {"s": {"t": {"type": "env", "key": "NO_SUCH"}}}},
         "set the environment variable NO_SUCH"),
    ],
)  # fmt: skip
def test_what_the_chaos_toolkit_calls_succeeded_although_nothing_happened_has_failed(
    folder: Path, activity: Any, said: str
) -> None:
    done = run(folder, activity)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_request_that_is_refused_has_failed_and_a_tolerance_may_ask_for_it(folder: Path, url: str) -> None:
    broken = {"type": "http", "url": f"{url}/broken"}
    assert "answered with 500" in run(folder, {"provider": broken}).stderr
    assert run(folder, {"provider": broken, "tolerance": 500}).returncode == 0


def test_variables_are_filled_in_and_secrets_are_never_printed(folder: Path, url: str) -> None:
    provider = {
        "type": "http",
        "url": f"{url}/${{page}}",
        "arguments": {"q": "a b"},
        "headers": {"X-Token": "${token}"},
    }
    activity = {
        "provider": provider,
        "tolerance": {"type": "jsonpath", "path": "$.asked", "target": "body", "expect": "/home?q=a+b"},
        "configuration": {"page": "home"},
        "secrets": {"s": {"token": {"type": "env", "key": "TOKEN"}}},
    }
    done = run(folder, activity, TOKEN="hunter2")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["body"]["asked"] == "/home?q=a+b"
    assert "hunter2" not in done.stdout + done.stderr
    assert json.loads(done.stdout)["body"]["token"] == "•••"


def test_a_function_gets_its_secrets_and_configuration_and_a_probe_may_be_the_tolerance(folder: Path) -> None:
    activity = {
        "provider": {**python("secret"), "secrets": ["s"]},
        "configuration": {"n": 1},
        "secrets": {"s": {"t": {"type": "env", "key": "TOKEN"}}},
        "tolerance": {"type": "jsonpath", "path": "$[0].t", "expect": "hunter2"},
    }
    done = run(folder, activity, TOKEN="hunter2")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [{"t": "•••"}, {"n": 1}]
    for n, code in ((4, 0), (5, 1)):
        tolerance = {"type": "probe", "name": "even", "provider": python("is_even")}
        assert run(folder, {"provider": python("number", n=n), "tolerance": tolerance}).returncode == code


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"provider": 5}', '"x"', '{"provider": {}}'])
def test_a_wrong_call_says_how_it_is_called(folder: Path, text: str) -> None:
    done = run(folder, text)
    assert (done.returncode, done.stderr[:6]) == (2, "usage:")
