"""The compose project of a show file, on a real engine: brought up, adopted, healed, removed, and refused."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from demo.compose import waiting
from demo.compose.command import find_compose
from demo.compose.project import ComposeProject
from demo.container_engine import Engine
from demo.errors import SubjectError
from demo.processes.ports import free_ports
from tests.support.compose_projects import ComposeFile, compose_file
from tests.support.containers import docker

pytestmark = [pytest.mark.anyio, pytest.mark.system]

SHOW = "shop"
COMMAND: list[str] = []
"""The compose command, looked for once: that takes seconds of a busy machine."""

TWO: dict[str, dict[str, Any]] = {"db": {"volumes": ["data:/data"]}, "web": {}}
DATA: dict[str, Any] = {"volumes": {"data": {}}}

LEAVE = """
import asyncio, os, sys
from pathlib import Path
from demo.compose.project import ComposeProject
from demo.container_engine import Engine

async def main():
    await ComposeProject(Engine(), sys.argv[1], Path(sys.argv[2]), sys.argv[3]).bring_up()
    os._exit(0)  # as a server that is killed: nothing is removed

asyncio.run(main())
"""


@pytest.fixture
def file(tmp_path: Path) -> Iterator[ComposeFile]:
    with compose_file(tmp_path) as made:
        yield made


@asynccontextmanager
async def project(file: ComposeFile, show: str = SHOW) -> AsyncIterator[tuple[ComposeProject, list[str]]]:
    """Yield a project, and what it tells."""
    engine, told = Engine(), list[str]()
    made = ComposeProject(engine, file.project, file.path, show)
    COMMAND[:] = COMMAND or await find_compose()
    made._compose._command = tuple(COMMAND)
    made.listen(told.append)
    try:
        yield made, told
    finally:
        await engine.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - no event for it
            await asyncio.sleep(0.05)


def left_by_a_show(file: ComposeFile, show: str = SHOW) -> None:
    """Let another process bring it up and end without a word."""
    subprocess.run([sys.executable, "-c", LEAVE, file.project, str(file.path), show], check=True, timeout=120)


async def test_what_a_show_brings_up_is_labelled_its_own_and_removed_with_networks_and_volumes(
    file: ComposeFile,
) -> None:
    file.write(TWO | {"job": {"command": ["/bin/busybox", "true"]}}, **DATA)
    async with project(file) as (made, told):
        await made.bring_up()
        assert file.states() == {"db": "running", "web": "running", "job": "exited"}
        assert told[-1].startswith(f"starting {file.project} with docker")
        assert (len(file.networks()), len(file.volumes())) == (1, 1)
        container = await made._engine.inspect(file.container("db"))
        assert container is not None
        assert made.owns(container)
        assert not ComposeProject(made._engine, file.project, file.path, SHOW).owns(container), "not before it is up"
        await made.take_down()
        assert (file.states(), file.networks(), file.volumes()) == ({}, [], [])


async def test_an_ended_server_s_project_is_adopted_and_nothing_is_started_twice(file: ComposeFile) -> None:
    file.write(TWO, **DATA)
    left_by_a_show(file)
    before = {name: file.inspect(name)["State"]["StartedAt"] for name in TWO}
    docker("kill", file.container("web"))
    async with project(file) as (made, told):
        await made.bring_up()
        assert file.states() == {"db": "running", "web": "running"}
        assert file.inspect("db")["State"]["StartedAt"] == before["db"]
        assert [text.rpartition("compose: ")[2] for text in told] == ["web"]
        made._claim.release()  # as if this server had been killed, too
    async with project(file) as (made, told):
        await made.bring_up()
        assert told == [f"{file.project} was still running: this show goes on with it, and removes it at the end"]
        await made.take_down()
        assert (file.states(), file.volumes()) == ({}, [])


async def test_what_was_left_by_another_file_is_started_anew(file: ComposeFile) -> None:
    file.write(TWO, **DATA)
    left_by_a_show(file)
    before = file.container("db")
    file.write({"db": {"environment": {"A": "new"}}})
    async with project(file) as (made, told):
        await made.bring_up()
        assert file.states() == {"db": "running"}
        assert file.container("db") != before
        assert "its compose file has changed: it is started anew" in told[0]
        await made.take_down()


async def test_a_project_that_no_show_has_brought_up_is_refused_and_not_touched(file: ComposeFile) -> None:
    file.write(TWO, **DATA)
    file.compose("up", "-d")
    docker("stop", "--time", "1", file.container("web"))
    async with project(file) as (made, _):
        with pytest.raises(SubjectError, match=r"no show has brought it up .*: nothing of it was touched") as caught:
            await made.bring_up()
        assert f"system: {{attach: {file.project}}}" in str(caught.value)
        with pytest.raises(SubjectError, match="no show has brought it up"):
            await made.heal()
        await made.take_down()
    assert file.states() == {"db": "running", "web": "exited"}
    assert len(file.volumes()) == 1


async def test_two_shows_do_not_share_a_project(file: ComposeFile) -> None:
    file.write({"db": {}})
    async with project(file) as (first, _), project(file, "other") as (second, _):
        await first.bring_up()
        with pytest.raises(SubjectError, match="another show uses the compose project"):
            await second.bring_up()
        await second.take_down()
        assert file.states() == {"db": "running"}
        await first.take_down()
        await second.bring_up()
        await second.take_down()
        assert file.states() == {}


async def test_data_of_an_earlier_day_outlives_the_show(file: ComposeFile) -> None:
    file.write(TWO, **DATA)
    file.compose("up", "-d")
    file.compose("down")
    assert len(file.volumes()) == 1
    async with project(file) as (made, _):
        await made.bring_up()
        await made.take_down()
    assert (file.states(), file.networks()) == ({}, [])
    assert len(file.volumes()) == 1, "no show has made it"


async def test_a_heal_brings_back_what_died_hangs_or_was_removed(file: ComposeFile) -> None:
    file.write({"a": {}, "b": {}, "c": {}})
    async with project(file) as (made, _):
        await made.bring_up()
        for does, service in (("kill", "a"), ("pause", "b"), ("rm --force", "c")):
            docker(*does.split(), file.container(service))
        await made.heal()
        assert file.states() == {"a": "running", "b": "running", "c": "running"}
        await made.take_down()
        assert file.states() == {}, "what a heal has created is removed, too"


async def test_a_service_that_fails_at_once_is_named_with_its_last_words_and_healed_when_mended(
    file: ComposeFile,
) -> None:
    fails = ["sh", "-c", "echo there is no licence; exit 3"]
    file.write({"db": {}, "web": {"command": fails, "depends_on": ["db"]}})
    async with project(file) as (made, _):
        with pytest.raises(SubjectError, match=r"web ended with exit code 3 right after its start; .*no licence"):
            await made.bring_up()
        await made.take_down()
        assert (file.states(), file.networks()) == ({}, [])


async def test_a_taken_port_is_said_before_anything_is_created(file: ComposeFile) -> None:
    port = free_ports(1)[0]
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", port)
    file.write({"db": {"ports": [f"127.0.0.1:{port}:8080"]}})
    async with server, project(file) as (made, _):
        with pytest.raises(SubjectError, match=rf"in use on this machine: port {port} \(of db\)"):
            await made.bring_up()
        assert (file.states(), file.networks()) == ({}, [])
        server.close()
        await server.wait_closed()
        await made.heal()
        assert file.states() == {"db": "running"}
        await made.take_down()


async def test_what_compose_has_started_by_half_is_removed(file: ComposeFile) -> None:
    file.write({"a": {}, "b": {"command": ["/bin/there-is-no-such-program"], "depends_on": ["a"]}})
    async with project(file) as (made, _):
        with pytest.raises(SubjectError, match=rf"compose -p {file.project} up. failed: .*there-is-no-such-program"):
            await made.bring_up()
        assert "a" in file.states()
        await made.take_down()
        assert (file.states(), file.networks()) == ({}, [])


async def test_health_checks_are_waited_for_and_their_timeout_names_who_is_late(
    file: ComposeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = {"test": ["CMD", "/bin/busybox", "test", "-e", "/tmp/ready"], "interval": "200ms", "retries": 1000}
    file.write({"db": {"healthcheck": check}})
    async with project(file) as (made, told):
        starting = asyncio.create_task(made.bring_up())
        await until(lambda: "waiting until db is healthy" in told)
        docker("exec", file.container("db"), "/bin/busybox", "touch", "/tmp/ready")
        await starting
        docker("exec", file.container("db"), "/bin/busybox", "rm", "/tmp/ready")
        docker("restart", "--time", "1", file.container("db"))
        monkeypatch.setattr(waiting, "HEALTHY_SEC", 1.5)
        with pytest.raises(SubjectError, match=r"not healthy within 1.5 s, by its health check .*: db"):
            await made.heal()
        await made.take_down()


async def test_variables_that_nobody_has_set_are_told_and_proxies_do_not_reach_the_containers(
    file: ComposeFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "docker"
    config.mkdir()
    (config / "config.json").write_text('{"proxies": {"default": {"httpProxy": "http://10.255.0.1:3128"}}}')
    monkeypatch.setenv("DOCKER_CONFIG", str(config))
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "quite-another")
    monkeypatch.setenv("COMPOSE_FILE", "quite-another.yaml")
    (tmp_path / ".env").write_text("SAID=in the file\n")
    file.write({"db": {"environment": {"A": "${THERE_IS_NO_SUCH}", "B": "${SAID}"}, "volumes": ["./conf:/conf"]}})
    async with project(file) as (made, told):
        await made.bring_up()
        seen = file.inspect("db")
        assert "B=in the file" in seen["Config"]["Env"]
        assert not any("10.255.0.1" in entry for entry in seen["Config"]["Env"])
        assert f"{tmp_path}/conf:/conf:rw" in seen["HostConfig"]["Binds"]
        assert any("THERE_IS_NO_SUCH, which is not set" in text for text in told)
        await made.take_down()


async def test_an_engine_that_is_gone_is_a_sentence_at_start_and_end(file: ComposeFile, tmp_path: Path) -> None:
    file.write({"db": {}})
    engine = Engine(f"unix://{tmp_path}/nobody.sock", answer_sec=1)
    made = ComposeProject(engine, file.project, file.path, SHOW)
    for work in (made.bring_up, made.heal):
        with pytest.raises(SubjectError, match=r"no container engine answers at unix://.*/nobody.sock: start it"):
            await work()
    await made.take_down()
    await engine.close()


def broken(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (os.unlink, "compose"),
        (broken("services: {db: {image: x, prots: [1]}}"), "prots"),
        (broken("services: ["), "compose"),
        (broken("services: {}"), "no services|empty|service"),
    ],
)
async def test_a_file_that_compose_refuses_is_its_own_sentence(
    file: ComposeFile, spoil: Callable[[Path], object], words: str
) -> None:
    file.write({"db": {}})
    spoil(file.path)
    async with project(file) as (made, _):
        with pytest.raises(SubjectError, match=words):
            await made.bring_up()
        await made.take_down()
    assert file.states() == {}
