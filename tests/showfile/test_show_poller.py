"""The samples of a show: what its cards and curves show, when a sample is told, and that the conductor can read it."""

import asyncio
from typing import Any

import pytest

from demo.clock import CLOCK
from demo.show.health_sample import read_sample
from demo.showfile.board import ProbeBoard
from demo.showfile.links import read_links
from demo.showfile.show_poller import MIN_GAP_SEC, ShowPoller
from demo.types import HealthPollerProtocol
from tests.showfile.answering import answering, probe, until

pytestmark = pytest.mark.anyio


def nodes_of(poller: ShowPoller) -> dict[str, dict[str, Any]]:
    return {node["id"]: node for node in (poller.get_health() or {"nodes": []})["nodes"]}


async def test_a_sample_has_cards_curves_links_and_issues_and_the_conductor_reads_it() -> None:
    async with answering(x={"qps": 1234.5, "role": "leader", "at": "10.0.0.1:80"}, y=500) as (server, sources):
        api = probe(http=server.url("/x"), title="The API", group="front", main="body.qps req/s", show=["body.role"])
        board = ProbeBoard({"api": api, "db": probe(http=server.url("/{y,z}"), main="body.lag s")}, sources)
        more = {"nodes": [{"id": "client"}], "metrics": [{"name": "client.answered", "value": 7.0}]}
        poller = ShowPoller(board, read_links(["client -> api -> db"]), [lambda: more])
        assert isinstance(poller, HealthPollerProtocol)
        assert poller.get_health() is None
        running = asyncio.create_task(poller.run())
        await until(lambda: nodes_of(poller).get("api", {}).get("health") == "up" and poller.get_health())
        await until(lambda: nodes_of(poller)["db-z"]["health"] == "down")
        health = poller.get_health()
        assert health is not None
        poller.stop()
        await running
    api_card, db = nodes_of(poller)["api"], nodes_of(poller)["db-y"]
    assert (api_card["name"], api_card["type"], api_card["group"]) == ("The API", "api", "front")
    assert api_card["metrics"] == {"req/s": 1230.0, "role": "leader"}
    assert api_card["links"] == ["db-y", "db-z"]
    assert (db["name"], db["metrics"], db["detail"]) == ("db-y", {}, "answered with status 500")
    curves = {metric["name"]: metric["value"] for metric in health["metrics"]}
    assert curves == {"client.answered": 7.0, "api.body.qps": 1230.0, "db-y.body.lag": None, "db-z.body.lag": None}
    assert next(iter(curves)) == "client.answered", "what clients get comes first"
    assert health["has_issues"] is True
    sample = read_sample(health, CLOCK.now(), CLOCK.moment_of)
    assert [node.id for node in sample.nodes] == ["api", "db-y", "db-z", "client"]
    assert 0 <= CLOCK.now() - sample.updated_at < 60


async def test_two_opinions_are_told_with_source_and_age_where_they_differ() -> None:
    async with answering(x=200, y=500) as (server, sources):
        board = ProbeBoard(
            {"db": probe(http=server.url("/x")), "other": probe(http=server.url("/y"), id="db")}, sources
        )
        await board.ask_once()
        poller = ShowPoller(board)
        running = asyncio.create_task(poller.run())
        await until(lambda: nodes_of(poller))
        poller.stop()
        await running
    card = nodes_of(poller)["db"]
    assert card["detail"] == "db: up, now · other: down, now"
    assert [(result["source"], result["health"]) for result in card["opinions"]] == [("db", "up"), ("other", "down")]
    assert all(0 <= result["age_sec"] < 60 for result in card["opinions"])


async def test_a_change_is_told_at_once_and_many_changes_at_most_twenty_times_a_second() -> None:
    async with answering(x=200) as (server, sources):
        board = ProbeBoard({"api": probe(http=server.url("/x"), interval="1h")}, sources)
        poller = ShowPoller(board)
        running = asyncio.create_task(poller.run())
        await until(lambda: nodes_of(poller).get("api", {}).get("health") == "up")
        server.answers["/x"] = 500
        poller.hurry("api")
        await until(lambda: nodes_of(poller)["api"]["health"] == "down")
        samples: set[int] = set()
        seen: list[Any] = []
        begun = asyncio.get_running_loop().time()
        while len(seen) < 8:
            poller.hurry("api")
            health = poller.get_health()
            if id(health) not in samples:
                samples.add(id(health))
                seen.append(health)  # held, so that no other sample gets its id
                server.answers["/x"] = 200 if len(seen) % 2 else 500
            await asyncio.sleep(0)
        took = asyncio.get_running_loop().time() - begun
        assert len(seen) <= took / MIN_GAP_SEC + 2
        poller.stop()
        await running


async def test_no_card_holds_an_address_a_path_or_the_text_of_an_exception() -> None:
    async with answering(x={"leader": "http://10.0.0.7:2379", "file": "/var/lib/db"}) as (server, sources):
        shown: dict[str, Any] = {"show": ["body.leader", "body.file"], "up": "body.leader == me"}
        board = ProbeBoard(
            {
                "a": probe(http=server.url("/x"), **shown),
                "b": probe(tcp="no-such-host.invalid:1"),
                "c": probe(run=["/no/such/command"]),
                "d": probe(redis="redis://127.0.0.1:1/0"),
                "e": probe(postgres="postgresql://me:secret@127.0.0.1:1/x"),
            },
            sources,
        )
        await board.ask_once()
        poller = ShowPoller(board)
        running = asyncio.create_task(poller.run())
        await until(lambda: nodes_of(poller))
        poller.stop()
        await running
    told = str(poller.get_health())
    for secret in ("10.0.0.7", "127.0.0.1", "/var", "/no", "invalid", "secret", "Error"):
        assert secret not in told
