"""What an etcd member's status is read as: ids exact, an absent leader nobody, nonsense unknown."""

import os
import shutil
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from demo.probes.etcd import EtcdProbe, status_of
from demo.probes.result import Reading
from demo.processes.child import Child, build_child_command
from demo.processes.ports import free_ports
from demo.subjects.cluster.kv_store import NotDone
from demo.subjects.etcd.identity import Identities
from demo.subjects.etcd.kv_store import EtcdStore
from tests.support.ratelimiter_system import until_async


def test_ids_beyond_a_double_stay_exact() -> None:
    said = {"header": {"member_id": "18360977052578474032"}, "leader": "18360977052578474033", "raftTerm": "7"}
    told = status_of(said)
    assert (told["member"], told["leader"], told["term"]) == ("18360977052578474032", "18360977052578474033", 7)


@pytest.mark.parametrize("leader", [{}, {"leader": "0"}, {"leader": None}, {"leader": 5}])
def test_without_a_leader_nobody_leads(leader: dict[str, Any]) -> None:
    assert status_of({"header": {"member_id": "1"}, **leader})["leader"] == ""


def test_the_log_is_as_far_as_it_was_applied_or_else_as_it_was_written() -> None:
    assert status_of({"raftAppliedIndex": "12", "raftIndex": "15"})["applied"] == 12
    assert status_of({"raftIndex": "15"})["applied"] == 15


@pytest.mark.parametrize("said", [{}, {"header": []}, {"header": {"member_id": 7}}, {"raftTerm": "x", "dbSize": []}])
def test_what_makes_no_sense_is_unknown(said: dict[str, Any]) -> None:
    told = status_of(said)
    assert told["member"] is None
    assert told["term"] is None
    assert told["applied"] is None
    assert told["db_bytes"] is None


def etcd_at(port: int, name: str, folder: Path) -> Child:
    """A cluster of one, called `name`, whose clients come to `port`."""
    peer = f"http://127.0.0.1:{free_ports(1)[0]}"
    options = {
        "name": name,
        "data-dir": str(folder / name),
        "listen-client-urls": f"http://127.0.0.1:{port}",
        "advertise-client-urls": f"http://127.0.0.1:{port}",
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"{name}={peer}",
        "initial-cluster-token": name,
    }
    found = shutil.which("etcd")
    if found is None:
        assert not os.environ.get("CI"), "there is no etcd (etcd-server)"
        pytest.skip("there is no etcd (etcd-server)")
    return Child(name, build_child_command(found, *(f"--{key}={value}" for key, value in options.items())))


@pytest.mark.anyio
@pytest.mark.system
async def test_another_etcd_on_a_dead_member_s_port_is_down_and_confirms_nothing(tmp_path: Path) -> None:
    port = free_ports(1)[0]
    identities, store = Identities(lambda ident: ""), EtcdStore()
    store.turn_to([f"127.0.0.1:{port}"])
    async with aiohttp.ClientSession() as session:
        probe = EtcdProbe(lambda: session, f"http://127.0.0.1:{port}", timeout_sec=2.0)

        async def looked() -> Reading:
            return identities.judge("etcd-0", await probe.read())

        async def confirmed() -> bool:
            try:
                return await store.put("key", b"value", 2.0)
            except NotDone:
                return False

        ours, other = etcd_at(port, "ours", tmp_path), etcd_at(port, "other", tmp_path)
        try:
            await ours.start()
            await until_async(confirmed, 20)
            assert (await looked()).ok
            await ours.stop()
            await other.start()
            await until_async(lambda: _answers(probe), 20)
            assert (await looked()).trouble == "another etcd answers on its port"
            with pytest.raises(NotDone):
                await store.put("key", b"value", 1.0)
        finally:
            await ours.stop()
            await other.stop()
            await store.close()


async def _answers(probe: EtcdProbe) -> bool:
    return (await probe.read()).ok


def test_a_new_container_may_be_a_new_member_and_the_same_one_may_not() -> None:
    boxes = {"etcd-0": ""}
    identities = Identities(boxes.__getitem__)

    def judged(cluster: str, member: str) -> str:
        return identities.judge("etcd-0", Reading({"cluster": cluster, "member": member})).trouble

    assert judged("1", "7") == ""
    boxes["etcd-0"] = "box"
    assert (judged("1", "7"), judged("1", "8")) == ("", "another etcd answers on its port")
    boxes["etcd-0"] = ""
    assert judged("2", "7") == "another etcd answers on its port"
    boxes["etcd-0"] = "another box"
    assert (judged("2", "9"), judged("2", "9")) == ("", "")
    assert judged("1", "7") == "another etcd answers on its port"
    silent = Reading(trouble="connection refused")
    assert identities.judge("etcd-0", silent) is silent


@pytest.mark.anyio
@pytest.mark.parametrize("body", ["{}", '{"header": {"member_id": "1"}}', '{"header": {"cluster_id": "1"}}'])
async def test_an_answer_that_does_not_say_who_it_is_is_no_member_s(body: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=body, content_type="application/json")

    app = web.Application()
    app.add_routes([web.post("/v3/maintenance/status", answer)])
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        reading = await EtcdProbe(lambda: session, str(server.make_url("")).rstrip("/")).read()
    assert reading.trouble == "answered, but not with etcd's status"
