"""The engine lost in the middle of a show: said on the wall, nothing pretended, and healed once it is back."""

from collections.abc import Iterator

import pytest

from tests.support.engine_proxy import EngineProxy, engine_proxy
from tests.support.etcd_cluster import Project, fault, node, project, until_states, until_up
from tests.support.servers import Server


@pytest.fixture
def lost() -> Iterator[tuple[Project, Server, EngineProxy]]:
    """A show whose engine is reached through a socket that can be cut."""
    with project() as made:
        made.compose("up", "-d")
        with engine_proxy() as proxy:
            server = Server(*made.options("--attach", made.name), env={"DOCKER_HOST": proxy.url})
            try:
                until_up(server)
                yield made, server, proxy
            finally:
                proxy.resume()
                proxy.cut()
                proxy.restore()
                server.stop()
                server.remove_state()


def test_a_lost_engine_is_a_red_card_and_the_members_are_still_asked(lost: tuple[Project, Server, EngineProxy]) -> None:
    made, server, proxy = lost
    proxy.cut()
    state = server.until(lambda s: node(s, "engine")["health"] == "down", 20)
    assert node(state, "engine")["detail"] == "does not answer"
    made.compose("kill", "etcd-1")
    state = server.until(lambda s: node(s, "etcd-1")["health"] == "down", 10)
    assert {node(state, name)["health"] for name in ("etcd-0", "etcd-2")} <= {"up", "degraded"}
    assert server.client.post("/advance").status_code == 200
    assert server.client.post("/chaos/kill-leader").status_code == 202
    state = server.until(lambda s: fault(s, "kill-leader")["error"] is not None, 20)
    assert "no container engine answers" in fault(state, "kill-leader")["error"]
    proxy.restore()
    server.until(lambda s: node(s, "engine")["health"] == "up", 20)
    assert server.client.post("/heal").status_code == 202
    until_up(server)


def test_what_is_broken_while_the_engine_is_lost_is_healed_when_it_is_back(
    lost: tuple[Project, Server, EngineProxy],
) -> None:
    made, server, proxy = lost
    assert server.client.post("/chaos/kill-leader").status_code == 202
    state = server.until(lambda s: fault(s, "kill-leader")["state"] == "active", 20)
    victim = fault(state, "kill-leader")["target"]
    proxy.cut()
    server.until(lambda s: node(s, "engine")["health"] == "down", 20)
    assert server.client.post("/chaos/kill-leader/heal").status_code == 202
    state = server.until(lambda s: fault(s, "kill-leader")["state"] == "failed", 40)
    assert f"docker start {made.name}_{victim}_1" in fault(state, "kill-leader")["error"]
    assert made.states()[victim] == "exited"
    proxy.restore()
    until_states(made, lambda states: states[victim] == "running", 60)
    server.until(lambda s: fault(s, "kill-leader")["state"] == "idle", 60)
    until_up(server)
