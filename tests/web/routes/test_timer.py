"""The timer and the freeze over HTTP: what they answer, what the room is told, and a restart on the same journal."""

from pathlib import Path

from tests.support.servers import Server, Stream, serving
from tests.web.routes.test_contract import next_unnamed, problem


def test_freeze_toggles_or_is_set(server: Server) -> None:
    assert server.client.post("/freeze").json()["frozen"] is True
    assert server.client.post("/freeze").json()["frozen"] is False
    for _ in range(2):
        assert server.client.post("/freeze", params={"on": "true"}).json()["frozen"] is True
    problem(server.client.post("/freeze", params={"on": "maybe"}), 422, "invalid")
    assert server.state()["frozen"] is True


def test_nothing_of_the_presenters_chapter_reaches_a_frozen_stage(server: Server) -> None:
    server.client.post("/freeze")
    with Stream(server, "/stream/stage") as stream:
        assert "Good to see you" in stream.next()["data"]
        for path in ("/advance", "/goto/4", "/back"):
            server.client.post(path)
        server.client.post("/say", json={"text": "not for the room yet"})
        # The halt is the first thing of all this that the room is told.
        server.client.post("/halt")
        told = next_unnamed(stream)["data"]
        assert "Halted" in told
        page = server.client.get("/").text
        for leak in ("One truth", "Many hands", "A chapter can act", "not for the room", "3 of 5"):
            assert leak not in told
            assert leak not in page
        assert "Good to see you" in page
        assert server.client.post("/freeze").json()["chapter"]["number"] == 3
        assert "Many hands" in next_unnamed(stream)["data"]


def test_the_timer_starts_with_the_first_advance_and_is_steered_by_hand(server: Server) -> None:
    fresh = server.state()["timer"]
    assert fresh == {"running": False, "elapsed_sec": 0.0, "started_at": None, "budget_sec": 180}
    started = server.client.post("/advance").json()["timer"]
    assert started["running"]
    assert started["started_at"]
    counted = server.until(lambda state: state["timer"]["elapsed_sec"] > 0)["timer"]
    assert counted["started_at"] == started["started_at"]
    paused = server.client.post("/timer/pause").json()["timer"]
    assert not paused["running"]
    assert server.client.post("/timer/pause").json()["timer"] == paused, "pausing a paused one changes nothing"
    assert server.client.post("/timer/start").json()["timer"]["running"]
    seq = server.state()["seq"]
    assert server.client.post("/timer/start").json()["seq"] == seq, "starting a running one changes nothing"
    assert server.client.post("/timer/reset").json()["timer"] == fresh
    problem(server.client.post("/timer/stop"), 404, "not_found")


def test_the_timer_stands_while_the_room_is_dark(server: Server) -> None:
    server.client.post("/advance")
    dark = server.client.post("/blackout?on=true").json()["timer"]
    assert not dark["running"]
    assert server.state()["timer"] == dark
    assert server.client.post("/blackout?on=false").json()["timer"]["running"]


def test_timer_and_freeze_outlive_a_killed_server(tmp_path: Path) -> None:
    journal = str(tmp_path / "show")
    with serving("none", "--journal", journal) as server:
        server.until(lambda state: state["seq"] > 0)
        server.client.post("/advance")
        server.client.post("/freeze")
        server.client.post("/goto/4")
        before = server.until(lambda state: state["timer"]["elapsed_sec"] > 0)
        server.kill()
    with serving("none", "--journal", journal) as server:
        after = server.until(lambda state: state["seq"] > before["seq"])
        assert after["timer"]["started_at"] == before["timer"]["started_at"]
        assert after["timer"]["running"]
        assert after["timer"]["elapsed_sec"] > before["timer"]["elapsed_sec"]
        assert (after["frozen"], after["chapter"]["number"]) == (True, 4)
        page = server.client.get("/").text
        assert "One truth" in page
        assert "A chapter can act" not in page
