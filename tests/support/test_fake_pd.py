"""The fake cluster itself: what the story of a kill looks like to a stranger, from this process and another."""

import json
import math
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support import fetch
from tests.support.fake_pd import Cluster
from tests.support.servers import wait_for

ROOT = Path(__file__).parents[2]


def test_a_port_refuses_when_shut_is_silent_when_paused_and_its_own_all_along() -> None:
    with Cluster() as cluster:
        status = f"{cluster.status_urls['tikv1']}/status"
        answer = fetch.get(status)
        assert (answer.status_code, answer.content) == (200, b"")
        cluster.kill("tikv1")
        with pytest.raises(httpx.ConnectError):
            fetch.get(status)
        cluster.revive("tikv1")
        cluster.pause("tikv1")
        with pytest.raises(httpx.ReadTimeout):
            fetch.get(status, timeout=0.2)
        cluster.revive("tikv1")
        assert fetch.get(status).status_code == 200


def test_leaders_in_pds_regions_move_when_one_is_elected_and_not_before() -> None:
    with Cluster() as cluster:

        def leaders() -> list[int]:
            body = fetch.get(f"{cluster.pd_urls['pd1']}/pd/api/v1/regions").json()
            return [region["leader"]["store_id"] for region in body["regions"]]

        assert leaders() == [1, 4, 5, 1, 4]
        cluster.kill("tikv1")
        assert leaders() == [1, 4, 5, 1, 4]
        cluster.elect()
        assert 4 not in leaders()
        cluster.revive("tikv1")
        cluster.elect(region=2, to="tikv1")
        assert leaders()[0] == 4


# As a real PD was measured.


def ask(cluster: Cluster, path: str, of: str = "pd1", timeout: float = 5.0, *, local: bool = False) -> httpx.Response:
    headers = {"PD-Allow-follower-handle": "true"} if local else {}
    return fetch.get(f"{cluster.pd_urls[of]}/pd/api/v1{path}", headers=headers, timeout=timeout)


def test_without_a_leader_a_follower_refuses_at_once_and_waits_before_it_says_503() -> None:
    with Cluster(pace=0.1) as cluster:
        cluster.kill("pd0")
        cluster.state.lost_at = math.inf
        refused = ask(cluster, "/stores")
        assert (refused.status_code, refused.text) == (500, "[PD:apiutil:ErrRedirect]redirect failed\n")
        cluster.state.lost_at = -math.inf
        waited = ask(cluster, "/stores")
        assert waited.status_code == 503
        assert waited.elapsed.total_seconds() > 0.25
        cluster.elect_pd("pd2")
        assert ask(cluster, "/leader").json()["name"] == "pd2"


def test_without_a_majority_a_pd_refuses_for_ever_and_one_sent_to_a_silent_leader_hangs() -> None:
    with Cluster(pace=0.01) as cluster:
        cluster.kill("pd0")
        cluster.kill("pd2")
        cluster.state.lost_at = -math.inf
        assert ask(cluster, "/stores").status_code == 500
        cluster.state.hangs = True
        with pytest.raises(httpx.ReadTimeout):
            ask(cluster, "/members", timeout=0.2)


def test_what_a_pd_answers_by_itself_comes_at_once_and_names_the_dead_leader_until_there_is_another() -> None:
    with Cluster() as cluster:
        cluster.kill("pd0")
        for path in ("/ping", "/leader"):
            answer = ask(cluster, path, local=True)
            assert answer.status_code == 200
            assert answer.elapsed.total_seconds() < 0.4
        assert ask(cluster, "/leader", local=True).json()["name"] == "pd0"
        with pytest.raises(httpx.ReadTimeout):
            ask(cluster, "/members", timeout=0.3, local=True)
        cluster.elect_pd("pd1")
        assert ask(cluster, "/leader", of="pd2", local=True).json()["name"] == "pd1"


def test_a_store_is_down_before_its_first_heartbeat_and_disconnected_after_a_failover() -> None:
    def words(cluster: Cluster) -> dict[int, str]:
        stores = ask(cluster, "/stores").json()["stores"]
        return {store["store"]["id"]: store["store"]["state_name"] for store in stores}

    with Cluster() as cluster:
        cluster.register("tikv1")
        assert words(cluster) == {1: "Up", 4: "Down", 5: "Up"}
        cluster.beat("tikv1")
        assert words(cluster)[4] == "Up"
        cluster.elect_pd("pd1")
        assert set(words(cluster).values()) == {"Disconnected"}
        cluster.beat()
        assert set(words(cluster).values()) == {"Up"}


def test_before_the_first_store_there_is_no_cluster_to_tell_of() -> None:
    with Cluster() as cluster:
        cluster.state.is_bootstrapped = False
        answer = ask(cluster, "/stores")
        assert (answer.status_code, "ErrNotBootstrapped" in answer.text) == (500, True)
        assert ask(cluster, "/members").status_code == 200


def test_stores_come_in_any_order() -> None:
    with Cluster() as cluster:

        def order() -> tuple[int, ...]:
            return tuple(store["store"]["id"] for store in ask(cluster, "/stores").json()["stores"])

        first = order()
        wait_for(lambda: order() != first)


def test_who_asks_for_the_count_that_never_ends_fails_its_test() -> None:
    cluster = Cluster()
    cluster.__enter__()
    with pytest.raises(httpx.ReadTimeout):
        ask(cluster, "/stats/region?start_key=&end_key=", timeout=0.1)
    with pytest.raises(AssertionError, match="never ends in a real PD"):
        cluster.__exit__()


def test_another_process_can_be_told_to_play_it() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.fake_pd"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        addresses = json.loads(process.stdout.readline())
        leader = f"http://{addresses['pd1:2379']}/pd/api/v1/leader"
        assert fetch.get(leader).json()["name"] == "pd0"
        for command in ("kill pd0", "elect_pd pd2"):
            process.stdin.write(f"{command}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"
        assert fetch.get(leader).json()["name"] == "pd2"
        process.stdin.close()
        assert process.wait(20) == 0
