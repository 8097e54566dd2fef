"""The board asks real servers, and says of each node what their answers say."""

import asyncio
import time
from typing import Any

import pytest

from demo.conditions import Quantity, parse
from demo.errors import InvalidValue
from demo.probes.process import ReportedState
from demo.processes.ports import free_ports
from demo.showfile.board import ProbeBoard
from demo.showfile.probing.address_poller import BUSY, FAILED, OLD, TWICE
from demo.showfile.probing.kinds import Sources
from demo.showfile.probing.owner import Owner
from demo.showfile.probing.probe_nodes import DISAGREE, MISSING, NO_NODES, NOT_YET
from tests.showfile.answering import answering, probe, until

pytestmark = pytest.mark.anyio


async def asked(board: ProbeBoard) -> dict[str, str]:
    """Ask all probes once more; return the state of each node."""
    await board.ask_once()
    return states(board)


def states(board: ProbeBoard) -> dict[str, str]:
    return {node.id: node.state for node in board.all_nodes()}


def detail(board: ProbeBoard, ident: str) -> str:
    return next(node.worst.detail for node in board.all_nodes() if node.id == ident)


def truth(board: ProbeBoard, condition: str) -> bool | None:
    return parse(condition).truth(board)


async def test_an_answer_of_200_is_up_another_is_down_and_so_is_none() -> None:
    free = free_ports(1)[0]
    async with answering(good=204, bad=503) as (server, sources):
        board = ProbeBoard(
            {
                "good": probe(http=server.url("/good")),
                "bad": probe(http=server.url("/bad")),
                "dead": probe(http=f"http://127.0.0.1:{free}/"),
                "port": probe(tcp=f"127.0.0.1:{server.port}"),
            },
            sources,
        )
        assert set(states(board).values()) == {"unknown"}
        assert detail(board, "good") == NOT_YET
        assert await asked(board) == {"good": "up", "bad": "down", "dead": "down", "port": "up"}
        assert detail(board, "bad") == "answered with status 503"
        assert truth(board, "good is up and bad is down") is True
        assert truth(board, "all up") is False
        assert truth(board, "good.status == 204 and good.latency > 0ms") is True
        assert truth(board, "nobody is up") is None


async def test_each_element_of_the_braces_is_a_node_and_is_found_by_its_own_name_too() -> None:
    async with answering(a=200, b=500) as (server, sources):
        board = ProbeBoard({"api": probe(http=server.url("/{a,b}"), container="web-${id}")}, sources)
        assert await asked(board) == {"api-a": "up", "api-b": "down"}
        assert truth(board, "count(api up) == 1") is True
        assert truth(board, "b is down") is True
        assert board.value(("api-a", "status")) == Quantity(200.0)
        assert board.value(("api", "status")) is None  # of two nodes
        assert board.owner("api-b") == Owner(container="web-b")


async def test_with_any_the_death_of_one_address_changes_nothing_and_an_answer_that_differs_degrades() -> None:
    ports = free_ports(1)
    async with answering(x=200) as (one, sources), answering(x=200) as (two, _):
        urls = [one.url("/x"), two.url("/x"), f"http://127.0.0.1:{ports[0]}/x"]
        board = ProbeBoard({"db": probe(http=urls, any="true")}, sources)
        assert await asked(board) == {"db": "up"}
        two.answers["/x"] = 500
        assert await asked(board) == {"db": "degraded"}
        assert detail(board, "db") == DISAGREE
        one.answers["/x"] = 500
        assert await asked(board) == {"db": "down"}
    dead = ProbeBoard({"db": probe(http=[f"http://127.0.0.1:{port}/" for port in free_ports(2)], any="true")}, sources)
    assert await asked(dead) == {"db": "down"}


def members(**roles: str) -> dict[str, Any]:
    return {"members": [{"name": name, "role": role} for name, role in roles.items()]}


MEMBERS: dict[str, Any] = {"each": "$.members[*]", "id": "name", "down": "role == lost"}


async def test_each_makes_nodes_of_an_answer_and_one_that_it_leaves_out_is_down() -> None:
    async with answering(m=members(m1="leader", m2="follower")) as (server, sources):
        settings = probe(http=server.url("/m"), **MEMBERS, expect_nodes=["m1", "m3"], behind="etcd-${id}")
        board = ProbeBoard({"members": settings}, sources)
        expected = {"members-m1": "up", "members-m3": "down", "members-m2": "up"}
        assert await asked(board) == expected
        assert detail(board, "members-m3") == MISSING
        assert truth(board, "count(members.role == leader) == 1") is True
        assert truth(board, "count(members up) == 2") is True
        assert [node.id for node in board.matching(parse("members.role == leader"))] == ["members-m1"]
        assert board.owner("members-m1") == Owner(process="etcd-m1")
        server.answers["/m"] = members(m1="lost")
        assert await asked(board) == {"members-m1": "down", "members-m3": "down", "members-m2": "down"}
        assert board.matching(parse("members.role == leader")) == ()


async def test_what_is_scaled_away_is_gone_where_the_show_says_so() -> None:
    async with answering(m=members(a="x", b="x")) as (server, sources):
        board = ProbeBoard({"pod": probe(http=server.url("/m"), **MEMBERS, gone="ok")}, sources)
        assert await asked(board) == {"pod-a": "up", "pod-b": "up"}
        server.answers["/m"] = members(b="x", c="x")
        assert await asked(board) == {"pod-b": "up", "pod-c": "up"}


async def test_two_nodes_of_one_id_are_unknown_and_said() -> None:
    twice = {"members": [{"name": "a", "role": "x"}, {"name": "a", "role": "y"}, {"name": "b", "role": "z"}]}
    async with answering(m=twice) as (server, sources):
        board = ProbeBoard({"pod": probe(http=server.url("/m"), **MEMBERS)}, sources)
        assert await asked(board) == {"pod-a": "unknown", "pod-b": "up"}
        assert detail(board, "pod-a") == TWICE
        assert truth(board, "count(pod where role == x) == 1") is None


async def test_no_answer_and_no_rows_are_unknown_never_green_and_never_0() -> None:
    async with answering(m=members()) as (server, sources):
        board = ProbeBoard({"pod": probe(http=server.url("/m"), **MEMBERS)}, sources)
        assert await asked(board) == {"pod": "unknown"}
        assert detail(board, "pod") == NO_NODES
        assert truth(board, "count(pod up) == 0") is None
        server.answers["/m"] = members(a="x")
        assert await asked(board) == {"pod-a": "up"}
        server.answers["/m"] = "<html>"
        assert await asked(board) == {"pod-a": "unknown"}
        assert detail(board, "pod-a") == "answered without JSON"


async def test_with_any_and_each_a_member_that_does_not_know_another_degrades_it() -> None:
    async with answering(m=members(a="x", b="x")) as (one, sources), answering(m=members(a="x")) as (two, _):
        urls = [one.url("/m"), two.url("/m"), f"http://127.0.0.1:{free_ports(1)[0]}/m"]
        board = ProbeBoard({"pod": probe(http=urls, any="true", **MEMBERS)}, sources)
        assert await asked(board) == {"pod-a": "up", "pod-b": "degraded"}
        two.answers["/m"] = members(a="x", b="x")
        assert await asked(board) == {"pod-a": "up", "pod-b": "up"}


async def test_two_probes_of_one_node_give_two_opinions_and_the_worse_one_counts() -> None:
    free = free_ports(1)[0]
    async with answering(x={"role": "leader"}, m=members(db="follower")) as (server, sources):
        board = ProbeBoard(
            {
                "db": probe(http=server.url("/x")),
                "db-port": probe(tcp=f"127.0.0.1:{free}", id="db"),
                "members": probe(http=server.url("/m"), **MEMBERS),
            },
            sources,
        )
        assert await asked(board) == {"db": "down"}
        node = board.all_nodes()[0]
        assert [(result.source, result.state) for result in node.results] == [
            ("db", "up"),
            ("db-port", "down"),
            ("members", "up"),
        ]
        assert all(result.at for result in node.results)
        assert board.value(("db", "body", "role")) == "leader"
        assert board.value(("db", "role")) == "follower"


async def test_groups_are_of_probes_of_nodes_and_by_the_probe_itself() -> None:
    async with answering(a=200, b=500) as (server, sources):
        board = ProbeBoard(
            {"api": probe(http=server.url("/{a,b}")), "web": probe(http=server.url("/a"), group="front")},
            sources,
            {"some": ["api-a", "web"], "every": ["api", "web"]},
        )
        await board.ask_once()
        assert truth(board, "count(some up) == 2") is True
        assert truth(board, "count(every up) == 2 and count(every down) == 1") is True
        assert truth(board, "front is up") is True
        assert truth(board, "count(all up) == 2") is True


async def test_a_probe_is_degraded_until_it_has_failed_often_enough() -> None:
    async with answering(x=200) as (server, sources):
        board = ProbeBoard({"api": probe(http=server.url("/x"), retries="3")}, sources)
        told = [(await asked(board))["api"]]
        server.answers["/x"] = 500
        told += [(await asked(board))["api"] for _ in range(4)]
        server.answers["/x"] = 200
        told.append((await asked(board))["api"])
        server.answers["/x"] = 500
        told.append((await asked(board))["api"])
    assert told == ["up", "degraded", "degraded", "down", "down", "up", "degraded"]


async def test_until_its_first_success_a_probe_is_starting_within_its_start_period() -> None:
    async with answering(x=500) as (server, sources):
        board = ProbeBoard(
            {"api": probe(http=server.url("/x"), start_period="1h"), "now": probe(http=server.url("/x"))}, sources
        )
        running = asyncio.create_task(board.run())
        await until(lambda: states(board) == {"api": "starting", "now": "down"})
        assert truth(board, "api is up") is None
        server.answers["/x"] = 200
        await until(lambda: set(states(board).values()) == {"up"})
        server.answers["/x"] = 500
        await until(lambda: states(board)["api"] == "down")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_probe_that_hangs_one_that_raises_and_one_that_is_stuck_are_alone_with_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls = 0

    async def raise_it(name: str) -> ReportedState | None:
        nonlocal calls
        calls += 1
        if name == "stuck" and calls > 3:
            while True:  # ignores its cancellation
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    if closing:
                        raise
        if name == "stuck":
            return ReportedState("running")
        raise ValueError("nonsense")

    closing = False
    async with answering(x=200, slow=200) as (server, sources):
        server.hangs.add("/slow")
        sources.process = raise_it
        short: dict[str, Any] = {"interval": "50ms", "timeout": "50ms"}
        board = ProbeBoard(
            {
                "good": probe(http=server.url("/x"), interval="50ms"),
                "hangs": probe(http=server.url("/slow"), **short),
                "raises": probe(process="raises", **short),
                "stuck": probe(process="stuck", **short),
            },
            sources,
        )
        running = asyncio.create_task(board.run())
        await until(
            lambda: (
                states(board) == {"good": "up", "hangs": "down", "raises": "unknown", "stuck": "unknown"}
                and detail(board, "stuck") == OLD
            )
        )
        assert detail(board, "raises") == FAILED
        before = server.asked["/x"]
        await until(lambda: server.asked["/x"] > before + 3)
        assert states(board)["good"] == "up"
        closing = True
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert sum("nonsense" in record.getMessage() for record in caplog.records) == 1  # not each time


async def test_a_process_is_asked_at_once_when_it_is_hurried_by_its_own_name() -> None:
    state = ReportedState("running")

    async def ask(_: str) -> ReportedState | None:
        return state

    async with answering(x=200) as (server, sources):
        sources.process = ask
        hour: dict[str, Any] = {"interval": "1h"}
        board = ProbeBoard(
            {
                "proc": probe(process="db", **hour),
                "api": probe(http=server.url("/x"), behind="db", **hour),
                "other": probe(http=server.url("/y"), **hour),
            },
            sources,
        )
        running = asyncio.create_task(board.run())
        await until(lambda: states(board) == {"proc": "up", "api": "up", "other": "down"})
        state, server.answers = ReportedState("killed", exit=-9), {"/x": 500, "/y": 200}
        board.hurry("db")
        await until(lambda: states(board) == {"proc": "down", "api": "down", "other": "down"})
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_change_of_a_state_is_told_once_and_every_answer_on_its_own() -> None:
    async with answering(x=200) as (server, sources):
        board = ProbeBoard({"api": probe(http=server.url("/x"))}, sources)
        told: list[str] = []
        board.listen(lambda: told.append("change"))
        board.on_answer(lambda: told.append("answer"))
        for status in (200, 200, 500):
            server.answers["/x"] = status
            await board.ask_once()
    assert told == ["answer", "change", "answer", "answer", "change"]


@pytest.mark.parametrize(
    "settings",
    [
        {"http": "ftp://a"},
        {"tcp": "nowhere"},
        {"tcp": "a:{9..1}"},
        {"redis": "http://:secret@a"},
        {"http": "http://a", "up": "status =="},
        {"http": "http://a", "each": "members"},
        {"docker": "db"},
    ],
)
async def test_a_probe_that_makes_no_sense_is_refused_by_its_name(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match="probe bad: ") as caught:
        ProbeBoard({"bad": probe(**settings)}, Sources(lambda: None))  # type: ignore[arg-type,return-value]
    assert "secret" not in str(caught.value)


async def test_a_failure_while_the_event_loop_was_blocked_is_looked_at_again_and_else_unknown() -> None:
    blocked = 1
    asked_for = 0

    async def ask(_: str) -> ReportedState | None:
        nonlocal blocked, asked_for
        asked_for += 1
        if blocked:
            blocked -= 1
            time.sleep(0.5)  # noqa: ASYNC251 - that is what is tried
            raise ValueError("too late")
        return ReportedState("running")

    board = ProbeBoard({"db": probe(process="db", timeout="50ms")}, Sources(lambda: None, process=ask))  # type: ignore[arg-type,return-value]
    assert (await asked(board), asked_for) == ({"db": "up"}, 2)
    blocked = 2
    assert await asked(board) == {"db": "unknown"}
    assert detail(board, "db") == BUSY
