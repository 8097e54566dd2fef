"""What `demo doctor` finds out about containers: from a real engine, and from one that is away, shut or hangs."""

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from demo.container_engine import Engine
from demo.findings import Finding, together
from demo.subjects.cluster.doctor import EngineInfo, Needs, compose, examine_engine, memory_and_clock
from tests.doctor.test_doctor import PLAIN_USER, ROOT, doctor, line
from tests.support.containers import ContainerGroup, container_group, image

BOXES = """
from demo.container_engine import Engine
from demo.subjects.cluster.doctor import Needs, examine_engine
from demo.subjects.none import NoSystem

class Boxes(NoSystem):
    async def examine(self):
        return await examine_engine(Engine(), Needs("doctor", ("doctor-nothing:1",), (), 1))
"""


@pytest.fixture
def boxes(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "boxes.py").write_text(BOXES)
    return {"PYTHONPATH": f"{tmp_path}:{ROOT}"}


@pytest.fixture
def containers() -> Iterator[ContainerGroup]:
    with container_group() as containers:
        yield containers


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Path]:
    """A Unix socket that takes connections and never says a word."""
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        yield path


def told(**info: Any) -> EngineInfo:
    now = time.time()
    return EngineInfo(info, now - 0.1, now + 0.1)


def moment(after_sec: float = 0.0) -> str:
    """As Docker writes it, to the nanosecond."""
    return datetime.fromtimestamp(time.time() + after_sec, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "123Z"


def by_name(found: tuple[Finding, ...]) -> dict[str, Finding]:
    return {finding.what: finding for finding in found}


def test_an_engine_that_is_nowhere_is_no_and_the_rest_is_still_looked_at(boxes: dict[str, str]) -> None:
    done = doctor("boxes:Boxes", "--port", "0", env={**boxes, "DOCKER_HOST": "unix:///nowhere/engine.sock"})
    assert done.returncode == 1
    assert line(done, "engine").startswith("no engine no container engine answers at unix:///nowhere/engine.sock")
    assert "compose" in done.stdout
    assert "image" not in done.stdout


def test_an_address_that_is_none_is_no(boxes: dict[str, str]) -> None:
    done = doctor("boxes:Boxes", "--port", "0", env={**boxes, "DOCKER_HOST": "nonsense"})
    assert done.returncode == 1
    assert "'nonsense' is not the address of a container engine" in line(done, "engine")


def test_an_engine_that_hangs_is_given_up_within_its_time(boxes: dict[str, str], listening: Path) -> None:
    done = doctor("boxes:Boxes", "--port", "0", env={**boxes, "DOCKER_HOST": f"unix://{listening}"})
    assert done.returncode == 1
    assert "did not answer within 5 s" in line(done, "engine")


def test_an_engine_that_is_shut_to_this_user_is_said_with_what_to_do(boxes: dict[str, str], listening: Path) -> None:
    listening.chmod(0)
    env = {**boxes, "DOCKER_HOST": f"unix://{listening}"}
    done = doctor("boxes:Boxes", "--port", "0", prefix=tuple(PLAIN_USER), env=env)
    assert done.returncode == 1
    assert "refuses this user: join the docker group" in line(done, "engine")


@pytest.mark.anyio
async def test_a_real_engine_its_images_and_ports_are_told_from_what_is_missing(containers: ContainerGroup) -> None:
    with socket.socket() as taken, socket.socket() as other:
        for some in (taken, other):
            some.bind(("127.0.0.1", 0))
        ours, free = taken.getsockname()[1], other.getsockname()[1]
        taken.close()
        containers.run("store", publish=ours)
        needs = Needs(containers.project, (image(), "doctor-nothing:1"), (ours, free), 1 << 20)
        other.close()
        found = by_name(await examine_engine(Engine(), needs))
        assert list(found)[:2] == ["engine", "compose"]
        for what in ("engine", "engine's memory", "engine's clock", f"image {image()}", "ports"):
            assert found[what].verdict == "ok", found[what]
        assert found["ports"].found == f"{free} free; {ours} used by this project's own containers"
        assert found["image doctor-nothing:1"].verdict == "maybe"
        assert found["image doctor-nothing:1"].remedy == "docker pull doctor-nothing:1 before the show"
    with socket.socket() as program:
        program.bind(("127.0.0.1", free))
        program.listen()
        found = by_name(await examine_engine(Engine(), Needs("somebody-else", (), (ours, free))))
    assert found["ports"].verdict == "no"
    assert found["ports"].found == f"in use: {ours} by container {containers.name('store')}, {free} by a program"


@pytest.mark.parametrize(
    ("total", "verdict", "found"),
    [
        (8_000_000_000, "ok", "8.0 GB in all, 4.0 GB needed"),
        (2_000_000_000, "no", "2.0 GB in all, 4.0 GB needed"),
        (None, "maybe", "the engine does not report it"),
        ("8 GB", "maybe", "the engine does not report it"),
        (0, "maybe", "the engine does not report it"),
        (True, "maybe", "the engine does not report it"),
    ],
)
def test_the_engines_memory_is_held_against_the_need(total: object, verdict: str, found: str) -> None:
    judged, _ = memory_and_clock(told(MemTotal=total), 4_000_000_000)
    assert (judged.verdict, judged.found) == (verdict, found)


@pytest.mark.parametrize(
    ("apart_sec", "verdict", "found"),
    [
        (0.0, "ok", "0.0 s"),
        (0.9, "ok", "0.9 s ahead of this machine's"),
        (-3.0, "no", "3.0 s behind this machine's"),
        (90, "no", "ahead"),
    ],
)
def test_the_engines_clock_is_held_against_ours(apart_sec: float, verdict: str, found: str) -> None:
    _, judged = memory_and_clock(told(SystemTime=moment(apart_sec)), 0)
    assert judged.verdict == verdict
    assert found in judged.found


@pytest.mark.parametrize("said", [None, "", "soon", "2026-01-01T00:00:00", 7])
def test_a_clock_that_is_not_told_is_a_warning(said: object) -> None:
    assert memory_and_clock(told(SystemTime=said), 0)[1].verdict == "maybe"
    assert memory_and_clock(told(), 0)[1].verdict == "maybe"


def test_a_slow_answer_proves_no_wrong_clock() -> None:
    now = time.time()
    _, judged = memory_and_clock(EngineInfo({"SystemTime": moment()}, now, now + 4.0), 0)
    assert judged.verdict == "maybe"
    assert "give or take 2.0 s" in judged.found


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("programs", "verdict", "found"),
    [
        ({"docker": "echo v2.39.1"}, "ok", "docker compose v2.39.1"),
        ({"docker": "exit 1", "docker-compose": "echo 1.29.2"}, "ok", "docker-compose 1.29.2"),
        ({"docker": "exec /bin/sleep 3600", "docker-compose": "echo 1.29.2"}, "ok", "docker-compose 1.29.2"),
        ({"docker": "echo no such command; exit 1"}, "no", "neither `docker compose` nor `docker-compose` works here"),
        (
            {"docker-compose": "echo podman-compose version 1.0.3"},
            "no",
            "neither `docker compose` nor `docker-compose` works here",
        ),
        ({}, "no", "neither `docker compose` nor `docker-compose` works here"),
    ],
)
async def test_compose_is_the_plugin_or_the_program_that_answers(
    programs: dict[str, str], verdict: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, does in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    (judged,) = await together({"compose": compose()})
    assert (judged.verdict, judged.found.partition(":")[0]) == (verdict, found)
    assert ("podman-compose is not supported" in judged.found) is ("podman-compose" in str(programs))
