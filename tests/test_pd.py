"""The contract cluster itself: what the story of a kill looks like to a stranger, from this process and another."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.pd import Cluster

ROOT = Path(__file__).parent.parent


def test_a_port_refuses_when_shut_is_silent_when_paused_and_its_own_all_along() -> None:
    with Cluster() as cluster:
        status = f"{cluster.status_urls['tikv1']}/status"
        answer = httpx.get(status)
        assert (answer.status_code, answer.content) == (200, b"")
        cluster.kill("tikv1")
        with pytest.raises(httpx.ConnectError):
            httpx.get(status)
        cluster.revive("tikv1")
        cluster.pause("tikv1")
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(status, timeout=0.2)
        cluster.revive("tikv1")
        assert httpx.get(status).status_code == 200


def test_leaders_in_pds_regions_move_when_one_is_elected_and_not_before() -> None:
    with Cluster() as cluster:

        def leaders() -> list[int]:
            body = httpx.get(f"{cluster.pd_urls['pd1']}/pd/api/v1/regions").json()
            return [region["leader"]["store_id"] for region in body["regions"]]

        assert leaders() == [1, 4, 5]
        cluster.kill("tikv1")
        assert leaders() == [1, 4, 5]
        cluster.elect()
        assert 4 not in leaders()
        cluster.revive("tikv1")
        cluster.elect(region=2, to="tikv1")
        assert leaders()[0] == 4


def test_another_process_can_be_told_to_play_it() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.pd"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        addresses = json.loads(process.stdout.readline())
        leader = f"http://{addresses['pd1:2379']}/pd/api/v1/leader"
        assert httpx.get(leader).json()["name"] == "pd0"
        for command in ("kill pd0", "elect_pd pd2"):
            process.stdin.write(f"{command}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"
        assert httpx.get(leader).json()["name"] == "pd2"
        process.stdin.close()
        assert process.wait(20) == 0
