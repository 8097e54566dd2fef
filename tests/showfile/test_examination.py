"""What `demo doctor` says of a show file: programs, ports, what answers, and whether faults find their targets."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.findings import Finding
from demo.showfile.subject import ShowFile
from tests.support.containers import missing
from tests.support.proxies import free_ports
from tests.support.servers import wait_for

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a web server that no show has started."""
    number = free_ports(1)[0]
    argv = [sys.executable, "-m", "http.server", str(number), "--bind", "127.0.0.1"]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        wait_for(lambda: _listens(number))
        try:
            yield number
        finally:
            server.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def skip_without_engine() -> None:
    if why := missing():
        assert not os.environ.get("CI"), why
        pytest.skip(f"NOT TRIED on real containers: {why}")


async def examine(folder: Path, front: str, chapter: str = "") -> dict[str, Finding]:
    path = folder / "show.md"
    path.write_text(f"---\n{front}---\n\n{chapter}# One\n")
    subject = ShowFile(str(path), allow_run=True)
    try:
        return {finding.what: finding for finding in await subject.examine()}
    finally:
        await subject.stop()


async def test_each_program_that_the_file_runs_is_looked_for(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("no program")
    front = """\
processes: {web: {run: [no-such-server], cwd: "."}}
probes: {web: {run: [./plain]}}
faults: {gone: {run: [sh, -c, "true"], undo: [[sh, -c, "true"], [no-such-undo]], healed: web is up}}
"""
    found = await examine(tmp_path, front, "```yaml\non_enter: [run: [no-such-server]]\n```\n\n")
    assert found["program sh"].verdict == "ok"
    assert found["program sh"].found == shutil.which("sh")
    assert found["program no-such-server"].verdict == "no"
    assert found["program no-such-server"].found == "not found in PATH, for process web, chapter 1"
    assert found["program no-such-undo"].found == "not found in PATH, for fault gone"
    assert found["program ./plain"].found == f"{tmp_path}/plain may not be run, for probe web"


async def test_the_ports_of_processes_and_proxies_must_be_free(tmp_path: Path, port: int) -> None:
    free = free_ports(1)[0]
    front = f"""\
processes: {{web: {{run: [sh], port: {port}}}}}
proxies: {{way: {{listen: "127.0.0.1:{free}", to: "127.0.0.1:{port}"}}}}
"""
    found = await examine(tmp_path, front)
    assert (found[f"port {port}"].verdict, found[f"port {free}"].verdict) == ("no", "ok")
    assert found[f"port {port}"].found == "in use, but process web needs it"


async def test_what_the_show_does_not_start_must_answer_and_be_found(tmp_path: Path, port: int) -> None:
    closed = free_ports(1)[0]
    front = f"""\
probes:
  web: {{http: "http://127.0.0.1:{port}/"}}
  gone: {{http: "http://127.0.0.1:{closed}/"}}
faults:
  kill-web: {{process: {{port: {port}, do: pause}}}}
  kill-gone: {{process: {{port: {closed}, do: pause}}}}
"""
    found = await examine(tmp_path, front)
    assert {what: found[what].verdict for what in ("probe web", "probe gone", "fault kill-web", "fault kill-gone")} == {
        "probe web": "ok",
        "probe gone": "no",
        "fault kill-web": "ok",
        "fault kill-gone": "no",
    }
    assert "start its target, or correct its name" in found["fault kill-gone"].remedy
    assert _listens(port)  # nothing was paused


async def test_what_the_show_starts_itself_is_left_to_the_rehearsal(tmp_path: Path) -> None:
    front = "processes: {web: {run: [sh]}}\nprobes: {web: {process: web}}\n"
    found = await examine(tmp_path, front)
    assert found["probes, faults"].verdict == "maybe"
    assert "demo rehearse" in found["probes, faults"].remedy


async def test_images_and_ports_of_a_compose_file_are_checked(tmp_path: Path) -> None:
    skip_without_engine()
    free = free_ports(1)[0]
    (tmp_path / "compose.yml").write_text(
        f"services: {{db: {{image: 'no.such.registry/none:1', ports: ['127.0.0.1:{free}:80']}}}}"
    )
    front = """\
system: {compose: compose.yml}
probes: {db: {tcp: "127.0.0.1:80"}}
faults: {kill-db: {container: {service: db, do: kill}}}
"""
    found = await examine(tmp_path, front)
    assert found["image no.such.registry/none:1"].verdict == "maybe"
    assert found["ports"].found == f"{free} free"
    assert found["probes, faults"].verdict == "maybe"


async def test_a_project_without_containers_is_found(tmp_path: Path) -> None:
    skip_without_engine()
    front = """\
system: {attach: no-such-project}
faults: {kill-db: {container: {service: db, do: kill}}}
"""
    found = await examine(tmp_path, front)
    assert found["project no-such-project"].found == "it has no containers"
    assert found["fault kill-db"].verdict == "no"


async def test_a_text_that_does_not_fit_the_stage_is_worth_a_look(tmp_path: Path) -> None:
    found = await examine(tmp_path, "title: A show\n", f"# Long\n\n{'A few words. ' * 300}\n\n---\n\n")
    told = found[f"{tmp_path / 'show.md'}:5"]
    assert told.verdict == "maybe"
    assert told.found.startswith("chapter 1, Long: its text does not fit the stage at 1280×720")
