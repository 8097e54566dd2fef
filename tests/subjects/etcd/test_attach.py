"""An etcd that runs already is presented under the names it has, or refused at the start with what is there."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from demo.container_engine import Engine
from demo.container_engine.container import SERVICE_LABEL, Container
from demo.errors import SubjectError
from demo.subjects.etcd.attached import members_of, members_soon
from tests.support.containers import docker
from tests.support.demo_command import run_demo
from tests.support.etcd_cluster import FILE, Project, project
from tests.support.servers import Server

pytestmark = pytest.mark.system


def other_names(folder: Path, change: Callable[[str], str] = lambda text: text) -> Path:
    """As most public files call them."""
    text = FILE.read_text()
    for number in (2, 1, 0):
        text = text.replace(f"etcd-{number}", f"etcd-{number + 1}")
    file = folder / "compose.yaml"
    file.write_text(change(text))
    return file


async def containers_of(mine: Project) -> tuple[Container, ...]:
    engine = Engine()
    try:
        return await engine.containers(mine.name)
    finally:
        await engine.close()


def demo(*words: str) -> subprocess.CompletedProcess[str]:
    return run_demo(*words)


def healths(state: dict[str, Any]) -> dict[str, str]:
    return {node["id"]: node["health"] for node in state["health"]["nodes"]}


def has_started(state: dict[str, Any]) -> bool:
    """Somebody leads, and every member was asked."""
    leader = state["health"] and (state["health"].get("leader") or {}).get("id")
    return bool(leader) and "starting" not in healths(state).values()


def test_services_of_other_names_are_the_cards_and_the_leader_is_one_of_them(tmp_path: Path) -> None:
    with project() as mine:
        mine.compose("up", "-d", file=other_names(tmp_path))
        # Whoever is dead at the start is expected all the same.
        docker("kill", mine.container("etcd-3"))
        server = Server("etcd", "--attach", mine.name, "--fresh")
        try:
            state = server.until(has_started, 40)
            cards = healths(state)
            assert [name for name in cards if name.startswith("etcd")] == ["etcd-1", "etcd-2", "etcd-3"]
            assert (cards["etcd-1"], cards["etcd-2"], cards["etcd-3"]) == ("up", "up", "down")
            assert state["health"]["leader"]["id"] in ("etcd-1", "etcd-2")
        finally:
            assert server.stop() == 0
            server.remove_state()


@pytest.mark.anyio
async def test_a_member_that_cannot_be_seen_from_here_is_named_at_the_start_and_by_doctor(tmp_path: Path) -> None:
    hidden = '    ports: ["127.0.0.1:${DEMO_PORT_2:-23793}:2379"]\n'
    with project() as mine:
        mine.compose("up", "-d", file=other_names(tmp_path, lambda text: text.replace(hidden, "")))
        words = f"etcd-3 of the compose project {mine.name!r} publish no port 2379 on this machine"
        found = await containers_of(mine)
        with pytest.raises(SubjectError, match=words):
            await members_soon(mine.name, found)
        done = demo("serve", "etcd", "--no-open", "--port", "0", "--attach", mine.name)
        assert done.returncode == 1
        assert words in done.stderr
        assert words in demo("doctor", "etcd", "--attach", mine.name).stdout
        strange = [replace(one, labels={SERVICE_LABEL: f"x-{one.service}"}, networks={}) for one in found]
        with pytest.raises(SubjectError, match=r"member etcd-\d of that etcd is not a container of .*: x-etcd-1"):
            await members_of(mine.name, strange)
        with pytest.raises(SubjectError, match=r"publishes etcd's client port 2379 .* its services: etcd-1"):
            await members_of(mine.name, [replace(one, ports={}) for one in found])


def test_a_project_without_a_pd_is_refused_by_tikv_with_what_is_there(tmp_path: Path) -> None:
    with project() as mine:
        mine.compose("up", "-d", file=other_names(tmp_path, lambda text: text.replace(':2379"]', ':2380"]')))
        words = "no container of it publishes PD's port 2379 on this machine"
        done = demo("serve", "tikv", "--no-open", "--port", "0", "--attach", mine.name)
        assert done.returncode == 1
        assert words in done.stderr
        assert "its containers: etcd-1, etcd-2, etcd-3" in done.stderr
        assert words in demo("doctor", "tikv", "--attach", mine.name).stdout
