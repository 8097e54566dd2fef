"""What a start costs: nothing is imported that the first page does not need, and compiled templates are kept."""

import json
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bench.start import Contender, free_port, slidev_in, starts
from demo.web.rendering.template_cache import TemplateCache
from tests.support.servers import Server, script, serving, wait_for

ROOT = Path(__file__).parents[2]
NOT_NEEDED = (
    *("prompt_toolkit", "rich", "pygments", "httpx", "aiohttp", "aiodocker", "grpc", "redis", "segno", "yaml"),
    *(
        "prometheus_client",
        "pydantic.v1",
        "demo.runner",
        "demo.doctor.run",
        "demo.relay.main",
        "demo.relay.app",
        "demo.container_engine.client",
        "websockets",
    ),
)

TELLING = """
import json, sys, threading, time, urllib.request
from demo.__main__ import main

def look():
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[-1]}/").read()
        except OSError:
            time.sleep(0.01)
            continue
        print("imported", json.dumps(sorted(sys.modules)), flush=True)
        return

threading.Thread(target=look, daemon=True).start()
main()
"""


ANSWERING = """
import http.server, sys
address = ("127.0.0.1", int(sys.argv[1]))
http.server.HTTPServer(address, http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def test_what_the_first_page_does_not_need_is_not_imported(tmp_path: Path) -> None:
    with serving("none"):
        pass  # the deck is kept from now on, as after any earlier start
    port = free_port()
    program = [*script(tmp_path / "telling.py", TELLING), "serve", "none", "--no-open", "--port", str(port)]
    server = Server(program=program)
    try:
        server.client.get("/healthz")
        found = wait_for(lambda: re.search(r"^imported (\[.*\])$", server.read_output(), re.MULTILINE))
        imported = set(json.loads(found.group(1)))
        assert imported.isdisjoint(NOT_NEEDED), imported & set(NOT_NEEDED)
    finally:
        server.stop()
        server.remove_state()


def test_the_processes_of_a_system_import_nothing_of_the_show() -> None:
    services = "ratelimiter.node, ratelimiter.backend, ratelimiter.traffic, etcd.kv_store, tikv.client.kv_store"
    names = ", ".join(f"demo.subjects.{name}" for name in services.split(", "))
    look = f"import sys, {names}; print(*(name for name in sys.modules if name.startswith('demo.show')))"
    said = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.split() == []


def test_compiled_templates_are_kept_for_the_next_start_and_for_nobody_else(tmp_path: Path) -> None:
    kept = tmp_path / "chaos-stage" / "templates"
    env = {"XDG_CACHE_HOME": str(tmp_path)}
    with serving("none", env=env) as server:
        first = server.client.get("/").text
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    before = {path.name: path.stat().st_mtime_ns for path in kept.iterdir()}
    assert before
    with serving("none", env=env) as server:
        assert server.client.get("/").text.split("</head>")[0] == first.split("</head>")[0]
    assert {path.name: path.stat().st_mtime_ns for path in kept.iterdir()} == before


@pytest.mark.parametrize("damage", ["spoiled", "not writable", "no directory"])
def test_a_cache_that_cannot_be_used_costs_nothing_but_time(damage: str, tmp_path: Path) -> None:
    env = {"XDG_CACHE_HOME": str(tmp_path)}
    if damage == "spoiled":
        with serving("none", env=env) as server:
            server.client.get("/")
        for path in (tmp_path / "chaos-stage" / "templates").iterdir():
            path.write_bytes(path.read_bytes()[:40])
    elif damage == "not writable":
        (tmp_path / "chaos-stage").symlink_to("/proc/self")
    else:
        (tmp_path / "chaos-stage").write_text("a file")
    with serving("none", env=env) as server:
        for page in ("/", "/presenter", "/remote"):
            assert "Good to see you" in server.client.get(page).text


def test_what_was_compiled_with_other_settings_has_another_checksum() -> None:
    one, other = TemplateCache("{}"), TemplateCache("{'trim_blocks': True}")
    assert one.get_source_checksum("text") == TemplateCache("{}").get_source_checksum("text")
    assert one.get_source_checksum("text") != other.get_source_checksum("text")


def test_the_measurement_of_a_start_measures_and_notices_a_server_that_never_answers(tmp_path: Path) -> None:
    rows = list(starts(1, None))
    assert [unit for _, _, unit in rows] == ["s", "s", "×"]
    assert all(value > 0 for _, values, _ in rows for value in values)
    with pytest.raises(RuntimeError, match="no answer"):
        Contender("nothing", [sys.executable, "-c", "pass"], tmp_path).first_byte()


def test_a_measured_start_compiles_nothing_twice_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    (tmp_path / "answering.py").write_text(ANSWERING)
    kept = {"PYTHONPYCACHEPREFIX": str(tmp_path / "kept")}
    Contender("answering", [sys.executable, "-c", "import answering", "PORT"], tmp_path, kept).first_byte()
    assert list((tmp_path / "kept").rglob("answering.*.pyc"))


def test_a_directory_without_slidev_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="npm install @slidev/cli"):
        slidev_in(str(tmp_path))
