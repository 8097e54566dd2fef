"""Probes of real containers: their state, and commands in them."""

from dataclasses import replace

import pytest

from demo.container_engine import Container, Engine
from demo.probes.container import NO_CONTAINER, STILL_RUNS, ContainerCommandProbe, ContainerFinder, ContainerProbe
from tests.support.containers import ContainerGroup, docker

pytestmark = pytest.mark.anyio


async def test_a_container_is_found_by_service_and_its_state_told(containers: ContainerGroup) -> None:
    engine = Engine()
    containers.run("web")
    for finder in (
        ContainerFinder(engine, "web", project=containers.project),
        ContainerFinder(engine, name=containers.name("web")),
    ):
        assert (await ContainerProbe(finder).read()).data == {"state": "running", "exit": None}
    probe = ContainerProbe(finder)
    docker("pause", containers.name("web"))
    assert (await probe.read()).data["state"] == "paused"
    docker("unpause", containers.name("web"))
    docker("kill", containers.name("web"))
    assert (await probe.read()).data == {"state": "exited", "exit": 137}
    docker("rm", containers.name("web"))
    assert (await probe.read()).data["state"] == "missing"
    containers.run("web")
    assert (await probe.read()).data["state"] == "running"
    await engine.close()


async def test_of_a_container_that_has_just_ended_the_engine_is_not_asked(containers: ContainerGroup) -> None:
    engine = Engine()
    containers.run("web")
    known = await engine.inspect(containers.name("web"))
    assert known is not None
    ended: list[Container] = []
    finder = ContainerFinder(
        engine, "web", project=containers.project, ended_lately=lambda ident: next(iter(ended), None)
    )
    assert (await ContainerProbe(finder).read()).data["state"] == "running"
    ended.append(replace(known, state="exited", exit_code=137))
    assert (await ContainerProbe(finder).read()).data == {"state": "exited", "exit": 137}
    ended.clear()
    assert (await ContainerProbe(finder).read()).data["state"] == "running"
    await engine.close()


async def test_a_command_in_a_container_tells_its_exit_code_and_output_and_gets_no_shell(
    containers: ContainerGroup,
) -> None:
    engine = Engine()
    containers.run("web")
    finder = ContainerFinder(engine, "web", project=containers.project)

    async def read(*argv: str, timeout_sec: float = 30.0) -> object:
        reading = await ContainerCommandProbe(finder, argv, timeout_sec).read()
        return (reading.data["exit"], reading.data["output"]) if reading.ok else reading.trouble

    assert await read("sh", "-c", "echo '{\"a\": 1}'; echo not this >&2; exit 3") == (3, '{"a": 1}')
    assert await read("sh", "-c", 'echo "$0"', "$(id)") == (0, "$(id)")
    hanging = ContainerCommandProbe(finder, ("sleep", "600"), 2.0)
    assert (await hanging.read()).trouble == "did not end in 2000 ms"
    assert (await hanging.read()).trouble == STILL_RUNS
    docker("kill", containers.name("web"))
    assert await read("true") == "its container is exited"
    docker("rm", containers.name("web"))
    assert await read("true") == NO_CONTAINER
    await engine.close()


async def test_an_engine_that_is_not_there_says_nothing_about_the_container() -> None:
    engine = Engine("tcp://127.0.0.1:1")
    finder = ContainerFinder(engine, name="web")
    for reading in (await ContainerProbe(finder).read(), await ContainerCommandProbe(finder, ("true",)).read()):
        assert reading.inconclusive
    await engine.close()
