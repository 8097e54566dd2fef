"""An engine that is away, forbidden, hanging, or no engine: one clear sentence each, within the deadline."""

import asyncio
import http.server
import os
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from demo.container_engine import Engine, EngineAway, EngineRefused
from demo.errors import EngineError
from tests.container_engine.test_discovery import certificates
from tests.support.containers import ContainerGroup
from tests.support.engine_proxy import engine_proxy

pytestmark = pytest.mark.anyio


async def sentence(engine: Engine) -> str:
    """What is said when it is asked for its containers."""
    try:
        with pytest.raises(EngineError) as raised:
            await engine.containers()
    finally:
        await engine.close()
    text = str(raised.value)
    assert "\n" not in text
    assert len(text) < 500
    return text


async def test_nobody_there(tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/none.sock"
    assert await sentence(Engine(url)) == (
        f"no container engine answers at {url}: start it, or set DOCKER_HOST (No such file or directory)"
    )
    assert "(Connection refused)" in (said := await sentence(Engine("tcp://127.0.0.1:1"))), said


async def test_a_wrong_context(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "nope")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    engine = Engine()
    assert (await sentence(engine)).startswith("there is no docker context 'nope'")
    assert engine.where == "the docker client's default"


FORBIDDEN = """
import asyncio, os, sys
import aiodocker
from demo.container_engine import Engine
from demo.errors import EngineError

if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)

async def ask():
    engine = Engine(sys.argv[1])
    try:
        await engine.info()
    except EngineError as error:
        print(error)
    await engine.close()

asyncio.run(ask())
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Everybody may enter: only the socket in it is closed."""
    with tempfile.TemporaryDirectory(prefix="chaos-stage-tests-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


async def test_a_forbidden_socket_says_whom_to_ask_for_permission(open_folder: Path) -> None:
    server = await asyncio.start_unix_server(lambda reader, writer: writer.close(), str(open_folder / "engine.sock"))
    (open_folder / "engine.sock").chmod(0o600 if os.getuid() == 0 else 0)
    try:
        run = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", FORBIDDEN, f"unix://{open_folder}/engine.sock"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    finally:
        server.close()
        await server.wait_closed()
    assert run.stdout == (
        f"the container engine at unix://{open_folder}/engine.sock refuses this user: "
        "join the docker group and log in again, or use a rootless engine\n"
    )


async def test_an_engine_that_hangs_is_given_up_at_the_deadline(containers: ContainerGroup) -> None:
    with engine_proxy() as proxy:
        engine = Engine(proxy.url, answer_sec=0.3)
        await engine.identity()
        proxy.hang()
        began = time.monotonic()
        assert "did not answer within 0.3 s" in await sentence(engine)
        assert time.monotonic() - began < 2


async def test_an_engine_that_comes_back_is_reached_by_the_same_object(containers: ContainerGroup) -> None:
    with engine_proxy() as proxy:
        engine = Engine(proxy.url)
        before = await engine.identity()
        proxy.cut()
        assert "no container engine answers" in await sentence(engine)
        proxy.restore()
        assert await engine.identity() == before
        await engine.close()


class Page(http.server.BaseHTTPRequestHandler):
    status = 200
    body = b"<html>hello\n\nworld</html>"
    type = "text/html"

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Type", self.type)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def serving_page(folder: Path | None = None, **more: Any) -> Iterator[int]:
    """A web server that is no engine; over TLS with the certificates in `folder`."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("OnePage", (Page,), more))
    if folder is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    "page",
    [
        {},
        {"type": "application/json", "body": b"{"},
        {"type": "application/json", "body": b"[]"},
        {"type": "application/json", "body": b'{"ApiVersion": 3}'},
        {"type": "application/json", "body": b'"x"'},
        {"type": "odd", "body": b"x"},
    ],
    ids=str,
)
async def test_a_web_server_is_no_engine(page: dict[str, Any]) -> None:
    with serving_page(**page) as port:
        said = await sentence(Engine(f"tcp://127.0.0.1:{port}"))
    assert said.startswith(f"what answers at tcp://127.0.0.1:{port} is not a container engine: "), said


async def test_a_404_of_another_web_server_does_not_mean_that_a_container_is_gone() -> None:
    with serving_page(status=404, body=b"nothing here") as port:
        engine = Engine(f"tcp://127.0.0.1:{port}")
        with pytest.raises(EngineRefused):
            await engine.inspect("a" * 64)
        await engine.close()


async def test_certificates_that_do_not_fit_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    certificates(theirs)
    certificates(ours)
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(ours))
    with serving_page(theirs) as port:
        said = await sentence(Engine(f"tcp://127.0.0.1:{port}"))
    assert said.startswith(f"TLS with the container engine at tcp://127.0.0.1:{port} (TLS) failed, check its cert"), (
        said
    )
    assert "certificate verify failed" in said


async def test_tls_towards_an_engine_without_it_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates(tmp_path / "ours")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path / "ours"))
    with serving_page() as port:
        assert (await sentence(Engine(f"tcp://127.0.0.1:{port}"))).startswith("TLS with the container engine")


async def test_no_tls_towards_an_engine_that_wants_it_says_what_to_set() -> None:
    with serving_page(status=400, type="text/plain", body=b"Client sent an HTTP request to an HTTPS server.") as port:
        said = await sentence(Engine(f"tcp://127.0.0.1:{port}"))
    assert said.endswith("requires TLS: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH")


async def test_tls_that_fits_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificates(tmp_path / "both")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path / "both"))
    with serving_page(tmp_path / "both", type="application/json", body=b'{"ApiVersion": "1.41", "ID": "me"}') as port:
        engine = Engine(f"tcp://127.0.0.1:{port}")
        assert await engine.identity() == "me"
        await engine.close()


async def test_an_engine_that_does_not_say_who_it_is_is_not_trusted() -> None:
    with serving_page(type="application/json", body=b'{"ApiVersion": "1.41"}') as port:
        engine = Engine(f"tcp://127.0.0.1:{port}")
        with pytest.raises(EngineError, match="reports no ID, so it cannot be told from another"):
            await engine.identity()
        await engine.close()


def test_the_engine_is_not_loaded_by_those_who_have_none() -> None:
    code = "import sys, demo.cli.main, demo.faults.container; assert not {'aiodocker'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_an_engine_that_is_away_is_told_apart_from_one_that_refuses() -> None:
    assert issubclass(EngineAway, EngineError)
    assert not issubclass(EngineRefused, EngineAway)
