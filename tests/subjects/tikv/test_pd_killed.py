"""The story of a killed PD leader, walked against stand-ins that answer as a real PD of v8.5.7 does.

Until the vote, which the test calls, the PDs that are left answer 500 or hang when asked for what only a leader knows.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.subjects.tikv.test_tiup import SHOW, UP_SEC, all_up, fault, nodes
from tests.support.fake_tiup import VOTE, install
from tests.support.servers import Server, serving

LEADERLESS_SEC = 6.0
"""Longer than the lease and the wait of a PD at the pace of the stand-ins: each of its ways to answer is met."""

NAME = "kill-pd-leader"


@pytest.fixture
def vote(tmp_path: Path) -> Path:
    return tmp_path / "vote"


@pytest.fixture
def server(tmp_path: Path, vote: Path) -> Iterator[Server]:
    with serving(*SHOW, env=install(tmp_path / "bin") | {VOTE: str(vote)}) as server:
        server.until(all_up, UP_SEC)
        yield server


def cards(state: dict[str, Any], kind: str) -> dict[str, tuple[str, str]]:
    return {node["id"]: (node["health"], node["detail"]) for node in state["health"]["nodes"] if node["type"] == kind}


def test_with_pds_leader_dead_the_others_live_reads_and_writes_go_on_and_no_store_is_called_dead(
    server: Server, vote: Path
) -> None:
    for number in (2, 3):
        assert server.client.post("/advance").status_code == 200
        server.until(lambda state, number=number: state["chapter"]["number"] >= number)  # type: ignore[misc]
    server.until(lambda state: state["chapter"]["number"] == 4, 60)  # The load is steady.
    dead = server.state()["health"]["pd_leader"]["id"]
    counted = server.state()["health"]["client"]["confirmed"]
    assert server.client.post(f"/chaos/{NAME}").status_code == 202
    state = server.until(lambda state: nodes(state)[dead] == "down", 5)
    assert fault(state, NAME)["target"] == dead
    others = set(cards(state, "pd")) - {dead}
    leaderless = dict.fromkeys(others, ("degraded", "PD has no leader"))
    server.until(lambda state: {name: cards(state, "pd")[name] for name in others} == leaderless, 3)
    seen = watch(server, LEADERLESS_SEC)
    assert {frozenset((name, cards(state, "pd")[name]) for name in others) for state in seen} == {
        frozenset(leaderless.items())
    }
    assert {nodes(state)["writes"] for state in seen} == {"up"}
    assert {health for state in seen for health, _ in cards(state, "tikv").values()} == {"up"}
    assert seen[-1]["health"]["client"]["confirmed"] > counted
    assert seen[-1]["health"]["pd_leader"]["id"] is None
    vote.touch()
    state = server.until(lambda state: state["health"]["pd_leader"]["id"] in others, 5)
    leads, follows = sorted(cards(state, "pd")[name] for name in others)
    assert (leads, follows) == (("up", "follows"), ("up", "leads"))
    seen = watch(server, 3)
    assert {nodes(state)["writes"] for state in seen} == {"up"}
    told = {detail for state in seen for _, detail in cards(state, "tikv").values()}
    assert not [text for text in told if "Disconnected" in text or "Down" in text], told
    assert {word["word"] for word in state["health"]["pd_words"].values()} == {"Up"}
    assert server.client.post(f"/chaos/{NAME}/heal").status_code == 202
    state = server.until(all_up, 30)
    assert fault(state, NAME)["error"] is None
    assert server.until(lambda state: fault(state, NAME)["recovered_after_sec"] is not None)


def watch(server: Server, seconds: float) -> list[dict[str, Any]]:
    """Every sample of so long a time."""
    ends = time.monotonic() + seconds
    seen = [server.state()]

    def has_ended(state: dict[str, Any]) -> bool:
        if state["health"]["last_updated"] != seen[-1]["health"]["last_updated"]:
            seen.append(state)
        return time.monotonic() >= ends

    server.until(has_ended, seconds + 10)
    return seen
