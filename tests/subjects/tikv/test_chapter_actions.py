"""TiKV's acts on a stage that plays back samples: no kill without copies, and PD's word, late or never."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from demo.errors import FaultError
from demo.subjects.cluster.chapter_actions import ClusterActions, KillScenario
from demo.subjects.cluster.cluster import Cluster
from demo.subjects.cluster.deployment import ExternalDeployment
from demo.subjects.tikv.chapter_actions import TikvActions
from demo.types import Measured
from tests.subjects.ratelimiter.test_deck import Theatre

pytestmark = pytest.mark.anyio

KILLED_AT = time.time()
SEEN = Measured(0.2, None, KILLED_AT)


class Chosen:
    async def choose(self) -> str:
        return "tikv0"


def acts(before: dict[str, Any], after: dict[str, Any]) -> tuple[TikvActions, Theatre, Cluster]:
    theatre = Theatre(before, after, SEEN)
    cluster = Cluster(ExternalDeployment(), (), "demo.subjects.tikv.client.kv_store")
    return TikvActions(theatre, cluster, Chosen(), KillScenario("kill-store", 100.0, 5.0)), theatre, cluster


def sample(word: str, since: float, health: str) -> dict[str, Any]:
    words = {"tikv0": {"word": word, "since": since}}
    return {"nodes": [{"id": "tikv0", "health": health}], "pd_words": words, "lacks": []}


async def test_nothing_is_killed_while_regions_lack_copies() -> None:
    made, theatre, cluster = acts({"nodes": [], "lacks": ["2 copies of regions"]}, {})
    with pytest.raises(FaultError, match="still waiting for 2 copies of regions: killing a store now could lose data"):
        await made.kill_leader()
    assert theatre.calls == []
    await cluster.stop()


async def test_pds_word_is_said_with_its_time_beside_the_walls() -> None:
    made, theatre, cluster = acts(sample("Up", 0, "up"), sample("Disconnected", KILLED_AT + 14.2, "down"))
    await made.kill_leader()
    await made.detect()
    assert theatre.calls[-2:] == [
        "say tikv0 was shown as down after 0.2 s.",
        "say PD reported Disconnected after 14 s. The stage showed it after 0.2 s.",
    ]
    await cluster.stop()


async def test_a_store_that_is_back_before_pd_noticed_leaves_pd_without_a_word() -> None:
    made, theatre, cluster = acts(sample("Up", 0, "up"), sample("Up", KILLED_AT - 60, "up"))
    await made.kill_leader()
    await made.detect()
    assert theatre.calls[-1] == "say tikv0 was shown as down after 0.2 s."
    await cluster.stop()


class Patient(Theatre):
    """Nothing that is waited for ever comes."""

    async def wait_until(self, condition: Callable[[Mapping[str, Any]], bool], timeout: float) -> bool:
        await asyncio.Event().wait()
        return False


async def test_who_watched_for_the_leader_after_an_earlier_kill_says_nothing_of_the_next() -> None:
    theatre, cluster = (
        Patient({"nodes": []}, {"nodes": []}, SEEN),
        Cluster(ExternalDeployment(), (), "demo.subjects.tikv.client.kv_store"),
    )
    made = ClusterActions(theatre, cluster, Chosen(), KillScenario("kill-store", 100.0, 5.0))
    for _ in range(2):
        theatre._samples.append({"nodes": []})
        await made.kill_leader()
    await asyncio.sleep(0)
    watching = [task for task in asyncio.all_tasks() if task.get_name() == "watching for another leader"]
    assert len(watching) == 1
    watching[0].cancel()
    await cluster.stop()
