"""Nothing of a request reaches a shell, a process, a file's name, a socket or Redis: a hook in the server listens."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from demo.web.access.rules import RULES
from tests.support import fetch
from tests.support.paired_devices import OPEN, Device, OpenServer
from tests.support.raw_http import ask, request
from tests.support.servers import Server, Stream, script, serving
from tests.web.access.test_rules import FILLED

MARK = "zq7marker"
"""Stands in every text that is sent, and nowhere else."""

LISTENING = """
import json, os, sys

out = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
KINDS = ("open", "subprocess.", "os.", "socket.", "shutil.", "exec", "compile", "import", "sqlite3.", "glob.",
         "pathlib.", "tempfile.", "ctypes.", "pickle.", "urllib.", "ftplib.", "fcntl.", "signal.")
own = False

def heard(event, arguments):
    global own
    if own or not event.startswith((*KINDS, "redis")):
        return
    own = True
    try:
        os.write(out, (json.dumps([event, repr(arguments)]) + "\\n").encode())
    finally:
        own = False

sys.addaudithook(heard)

from redis.asyncio.connection import AbstractConnection

first_sent = AbstractConnection.send_packed_command

async def sent(self, command, *more, **named):
    heard("redis", command)
    return await first_sent(self, command, *more, **named)

AbstractConnection.send_packed_command = sent
from demo.cli.main import app
app(sys.argv[2:])
"""

FORMS = [
    f"{MARK}",
    f"; touch {MARK}; #",
    f"$(touch {MARK})`touch {MARK}`",
    f"| sh -c {MARK}",
    f"../../../../tmp/{MARK}",
    f"/tmp/{MARK}",
    f"{MARK}\r\nFLUSHALL\r\n",
    f"*1\r\n$8\r\nFLUSHALL\r\n{MARK}",
    f"file:///{MARK}",
    f"http://{MARK}.invalid/",
    f"--{MARK}=/etc/passwd",
    f"{MARK}\0.css",
    f"%s{MARK}%n{{0.__class__}}",
    f"'; DROP TABLE entries; -- {MARK}",
]


def said_everywhere(server: Server, headers: dict[str, str]) -> int:
    """Every route with every form, in its path, query, body and heads; how many were sent."""
    sent = 0
    with fetch.client(base_url=f"http://127.0.0.1:{server.port}", headers=headers, timeout=20) as client:
        for number, text in enumerate(FORMS):
            part = quote(text, safe="")
            more = {"x-demo-client": MARK, "user-agent": f"{MARK} {part}", "last-event-id": part, "cookie": f"a={part}"}
            more |= {"accept": f"text/html, {part}", "accept-encoding": part, "hx-target": part, "referer": part}
            for method, template in RULES:
                if template.startswith(("/stream/{view}", "/events", "/stream/stage")):
                    continue
                path = template
                for name in FILLED:
                    path = path.replace(name, part)
                fields = dict.fromkeys(("text", "from", "on", "code", "secret"), text)
                body: dict[str, Any] = {"json" if number % 2 else "data": fields} if method == "POST" else {}
                answer = client.request(method, f"{path}?from={part}&x={part}", headers=more, **body)
                assert answer.status_code < 500, answer.text
                sent += 1
            client.post("/say", content=text.encode(), headers={"content-type": "text/plain"})
            client.post("/say", files={"text": (text, text.encode()), MARK: (None, text)})
            client.get(f"/stream/{part}")
            for host in (text, f"{MARK}:{server.port}"):
                lines = [
                    f"Host: {host}".replace("\r", "").replace("\n", ""),
                    f"Origin: {MARK}",
                    f"Authorization: Bearer {MARK}",
                ]
                ask(server.port, request("POST", f"/{part}", *lines))
    return sent


def heard(path: Path) -> list[tuple[str, str]]:
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return [(event, arguments) for event, arguments in found]


@pytest.mark.parametrize(
    ("subject", "options"),
    [("none", ()), ("none", OPEN), pytest.param("ratelimiter", (), marks=pytest.mark.system)],
    ids=["loopback", "open", "a real system"],
)
def test_no_text_of_a_request_leaves_the_show(tmp_path: Path, subject: str, options: tuple[str, ...]) -> None:
    log = tmp_path / "heard"
    arguments = [str(log), "serve", subject, "--no-open", "--port", "0", "--journal", str(tmp_path / "show"), *options]
    with serving(program=[*script(tmp_path / "listening.py", LISTENING), *arguments], cwd=tmp_path) as server:
        opened = OpenServer(server) if options else None
        headers = opened.bearer if opened else {}
        if opened is not None:
            Device(opened.here, f"{MARK} Firefox").pair(opened.secret()).close()
        assert said_everywhere(server, headers) > 300
        with Stream(server, "/events", headers | {"last-event-id": MARK}) as stream:
            assert stream.next()
        assert fetch.post(f"http://127.0.0.1:{server.port}/goto/2", headers=headers).status_code == 200
        assert server.stop() == 0
    found = heard(log)
    assert {"open", "sqlite3.connect", "socket.bind"} <= {event for event, _ in found}, "the hook listens"
    assert ("redis" in {event for event, _ in found}) == (subject == "ratelimiter")
    assert [item for item in found if MARK in item[1]] == []
    assert not [path for path in tmp_path.rglob("*") if MARK in path.name]


def test_the_hook_would_hear_it(tmp_path: Path) -> None:
    naive = LISTENING.replace(
        "from demo.cli.main import app\n",
        "from demo.cli.main import app\nfrom demo.web.routes import command_handler as handler\n"
        "first = handler.CommandHandler.no_such\n"
        "def no_such(self, what, name):\n"
        "    os.path.exists(name) or os.path.isdir(name)\n"
        "    try:\n        open(name.replace(chr(0), ''))\n    except OSError:\n        pass\n"
        "    return first(self, what, name)\n"
        "handler.CommandHandler.no_such = no_such\n",
    )
    log = tmp_path / "heard"
    program = [*script(tmp_path / "listening.py", naive), str(log), "serve", "none", "--no-open", "--port", "0"]
    with serving(program=program, cwd=tmp_path) as server:
        server.client.get(f"/stream/{MARK}")
    assert [event for event, arguments in heard(log) if MARK in arguments] == ["open"]
