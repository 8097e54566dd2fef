"""What the engine tells of its containers, and which of them a selector means: on a real one."""

import asyncio
import urllib.request
from collections.abc import AsyncIterator, Mapping

import pytest

from demo.container_engine import Container, Engine, EngineRefused, Selector, select_one
from demo.errors import EngineError, InvalidValue
from tests.support.container_faults import engine_at
from tests.support.containers import PORT, ContainerGroup, docker, image
from tests.support.crashes import free_port
from tests.support.engine_proxy import engine_proxy
from tests.support.servers import wait_for

pytestmark = pytest.mark.anyio


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with engine_at() as made:
        yield made


async def test_a_container_is_told_with_labels_networks_ports_and_state(
    containers: ContainerGroup, engine: Engine
) -> None:
    port, network = free_port(), containers.network()
    ident = containers.run("one", "--network", network, "--network-alias", "uno", publish=port, labels={"role": "a=b"})
    (one,) = await engine.containers(containers.project)
    assert (one.id, one.name, one.service, one.project) == (ident, containers.name("one"), "one", containers.project)
    assert one.labels["role"] == "a=b"
    assert one.networks == {network: ("uno",)}
    assert one.ports == {PORT: ("127.0.0.1", port)}
    assert (one.state, one.is_running, one.is_target, one.exit_code) == ("running", True, True, None)


async def test_containers_that_do_not_run_are_told_too(containers: ContainerGroup, engine: Engine) -> None:
    for name in ("made", "dead", "held", "runs"):
        containers.run(name)
    docker("kill", containers.name("dead"))
    docker("pause", containers.name("held"))
    docker(
        "create",
        "--label",
        f"com.docker.compose.project={containers.project}",
        "--name",
        containers.name("new"),
        image(),
        "sh",
    )
    told = {
        container.name.removeprefix(f"{containers.project}-"): container
        for container in await engine.containers(containers.project)
    }
    states = {name: container.state for name, container in told.items()}
    assert states == {"made": "running", "dead": "exited", "held": "paused", "runs": "running", "new": "created"}
    assert told["dead"].exit_code == 137
    assert told["new"].exit_code is None
    assert {name for name in told if told[name].is_running} == {"made", "runs"}


async def test_one_that_does_not_exist_is_none_and_no_error(engine: Engine, containers: ContainerGroup) -> None:
    assert await engine.inspect("0" * 64) is None
    with pytest.raises(EngineRefused, match=r"did not kill 000000000000: .*No such container"):
        await engine.kill("0" * 64)


async def test_an_engine_keeps_its_identity_and_another_has_another(containers: ContainerGroup, engine: Engine) -> None:
    """Two on one machine share a key, and an ID with it: then the folder of their data tells them apart."""
    real, told = await engine.identity(), await engine.info()
    assert real == await engine.identity() == f"{told['ID']} {told['DockerRootDir']}"
    for own in (told["ID"], told["DockerRootDir"]):
        with engine_proxy() as proxy:
            proxy.rename_engine(own, own[::-1])
            async with engine_at(proxy.url) as other:
                assert await other.identity() == real.replace(own, own[::-1])


async def test_images_are_known_by_name(containers: ContainerGroup, engine: Engine) -> None:
    assert await engine.has_image(image())
    assert not await engine.has_image("chaos-stage-test:never")


async def test_starting_what_runs_and_stopping_what_stands_is_no_error(
    containers: ContainerGroup, engine: Engine
) -> None:
    ident = containers.run("one")
    await engine.start(ident)
    await engine.stop(ident)
    await engine.stop(ident)
    assert containers.state("one") == "exited"
    assert containers.inspect("one")["State"]["ExitCode"] == 0, "it was given its time to end"


async def test_what_ignores_its_end_is_killed_when_its_grace_is_over(
    containers: ContainerGroup, engine: Engine
) -> None:
    ident = containers.run("deaf", command=("sh", "-c", 'trap "" TERM; sleep 600'))
    await engine.stop(ident, 1)
    assert containers.inspect("deaf")["State"]["ExitCode"] == 137


async def test_many_questions_at_once_are_all_answered(containers: ContainerGroup, engine: Engine) -> None:
    idents = [containers.run(f"n{number}") for number in range(3)]
    told = await asyncio.gather(*(engine.inspect(ident) for ident in idents * 20))
    assert [container.id for container in told if container] == idents * 20


def container(name: str, service: str = "", project: str = "p", target: bool = True, **labels: str) -> Container:
    marks: Mapping[str, str] = {"com.docker.compose.project": project} | labels
    marks = {**marks, **({"com.docker.compose.service": service} if service else {})}
    marks = {**marks, **({"demo.target": "true"} if target else {})}
    return Container(name * 64, name, marks, "running", {}, None, "", {})


CROWD = (
    container("p-tikv-1", "tikv"),
    container("p-tikv-pd0-1", "tikv-pd0"),
    container("q-tikv-1", "tikv", project="q"),
    container("p-web-1", "web"),
    container("p-web-2", "web"),
    container("grafana", target=False, role="eye"),
)


@pytest.mark.parametrize(
    ("selector", "name"),
    [
        (Selector("p", service="tikv"), "p-tikv-1"),
        (Selector("q", service="tikv"), "q-tikv-1"),
        (Selector(name="p-web-2"), "p-web-2"),
        (Selector(label="role=eye"), "grafana"),
        (Selector("p", "tikv-pd0", "p-tikv-pd0-1", "demo.target=true"), "p-tikv-pd0-1"),
    ],
    ids=str,
)
def test_a_selector_means_exactly_one(selector: Selector, name: str) -> None:
    assert select_one(selector, CROWD, allow_unlabelled=True).name == name


@pytest.mark.parametrize("part", ["tik", "tikv-pd", "p-tikv", "tikv-1", "TIKV", "tikv ", "*", ".*"])
def test_a_part_of_a_name_means_nobody(part: str) -> None:
    for selector in (Selector(service=part), Selector(name=part)):
        with pytest.raises(EngineError, match="there is no container"):
            select_one(selector, CROWD, allow_unlabelled=True)


def test_several_are_named_and_none_is_picked() -> None:
    with pytest.raises(
        EngineError, match=r"^there are 2 containers of service web of project p, not one: p-web-1, p-web-2$"
    ):
        select_one(Selector("p", "web"), CROWD, allow_unlabelled=False)


def test_one_without_the_label_is_refused_with_what_to_do() -> None:
    with pytest.raises(EngineError, match=r"grafana does not have the label demo.target=true.*--allow-unlabelled"):
        select_one(Selector(name="grafana"), CROWD, allow_unlabelled=False)


@pytest.mark.parametrize("value", ["True", "1", "yes", ""])
def test_the_label_counts_only_as_it_is_documented(value: str) -> None:
    odd = container("odd", target=False, **{"demo.target": value})
    with pytest.raises(EngineError, match="does not have the label"):
        select_one(Selector(name="odd"), [odd], allow_unlabelled=False)


def test_a_selector_that_means_everybody_cannot_be_made() -> None:
    for given in ({}, {"project": "p"}, {"label": "role"}):
        with pytest.raises(InvalidValue):
            Selector(**given)


async def test_the_prefix_of_another_name_is_told_apart_by_the_engine_too(
    containers: ContainerGroup, engine: Engine
) -> None:
    containers.run("tikv-pd0")
    with pytest.raises(EngineError, match="there is no container"):
        await engine.find(Selector(containers.project, "tikv"))
    ident = containers.run("tikv")
    assert (await engine.find(Selector(containers.project, "tikv"))).id == ident


async def test_a_container_removed_between_list_and_look_is_left_out(containers: ContainerGroup) -> None:
    kept, gone = containers.run("kept"), containers.run("gone")
    with engine_proxy() as proxy:
        proxy.before(f"/containers/{gone}/json", lambda: docker("rm", "--force", gone))
        async with engine_at(proxy.url) as engine:
            assert [container.id for container in await engine.containers(containers.project)] == [kept]


def test_the_images_of_a_test_run_answer_over_http(containers: ContainerGroup) -> None:
    """The stand-in itself: what all other tests lean on."""
    port = free_port()
    containers.run("one", publish=port)
    wait_for(lambda: _name(port) == "one", 10)


def _name(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/name", timeout=1) as answer:
            return str(answer.read().decode().strip())
    except OSError:
        return ""
