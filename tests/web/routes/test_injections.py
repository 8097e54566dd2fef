"""`POST /chaos/{name}` with a duration and a target, against real servers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.show.commands import MAX_DURATION_SEC, MIN_DURATION_SEC
from tests.support.lamp import read_more
from tests.support.servers import Server, serving, wait_for
from tests.support.two_lamps import LAMPS
from tests.web.routes.test_contract import problem


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("lamps")
    (place / "lamps.py").write_text(LAMPS)
    return place


@pytest.fixture(scope="module")
def lamps(home: Path) -> Iterator[Server]:
    with serving("lamps:Lamps", cwd=home) as server:
        server.until(lambda state: state["seq"] > 0)
        yield server


@pytest.fixture
def server(lamps: Server) -> Server:
    """Overrides the server of the other files: everything is healed, and no error is left of a fault called off."""
    lamps.client.post("/heal")
    lamps.until(lambda state: all(fault["state"] in ("idle", "failed") for fault in state["chaos"]), 5)
    for chapter in (2, 1):
        lamps.client.post(f"/goto/{chapter}")
    return lamps


def fault(state: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in state["chaos"] if one["name"] == name)
    return found


def active(server: Server, name: str) -> dict[str, Any]:
    return fault(server.until(lambda state: fault(state, name)["state"] == "active"), name)


@pytest.mark.parametrize(
    "carrier",
    [
        {"params": {"duration_sec": "0.5"}},
        {"data": {"duration_sec": "0.5"}},
        {"json": {"duration_sec": 0.5}},
        {"json": {"duration_sec": "0.5"}},
        {"files": {"duration_sec": (None, "0.5")}},
    ],
    ids=["query", "form", "json", "json text", "multipart"],
)
@pytest.mark.parametrize("name", ["dark", "chosen"])
def test_a_fault_heals_by_itself_after_the_duration_that_was_asked_for(
    server: Server, home: Path, name: str, carrier: dict[str, Any]
) -> None:
    answer = server.client.post(f"/chaos/{name}", **carrier)
    assert answer.status_code == 202
    assert fault(answer.json(), name)["duration_sec"] == 0.5
    assert (home / "left").read_text() == "0.5" if active(server, name) else None
    state = server.until(lambda state: fault(state, name)["state"] == "idle")
    assert fault(state, name)["duration_sec"] == {"dark": 60.0, "chosen": None}[name]
    assert not (home / "left").exists()


@pytest.mark.parametrize(
    "value",
    ["", " ", "x", "nan", "inf", "-1", "0", "1e1", "1_0", "٣", "5s", str(MIN_DURATION_SEC / 2), "3600.1", "9" * 400],
)
def test_a_duration_that_is_no_number_of_seconds_within_the_limits_is_refused(server: Server, value: str) -> None:
    before = server.state()["seq"]
    told = problem(server.client.post("/chaos/dark", params={"duration_sec": value}), 422, "invalid")
    assert told["detail"].startswith("'duration_sec' must be a number of seconds from 0.1 to 3600, not ")
    assert server.state()["seq"] == before


@pytest.mark.parametrize("value", ["true", "[1]", "{}", "1e400", "NaN", "1" * 400, "3601", "-0.5"])
def test_nor_is_one_in_json(server: Server, value: str) -> None:
    headers = {"content-type": "application/json"}
    answer = server.client.post("/chaos/dark", content=f'{{"duration_sec": {value}}}', headers=headers)
    problem(answer, 422, "invalid")


@pytest.mark.parametrize("value", [MIN_DURATION_SEC, MAX_DURATION_SEC, 7, None])
def test_the_limits_themselves_are_allowed(server: Server, value: float | None) -> None:
    answer = server.client.post("/chaos/dark", json={"duration_sec": value})
    assert answer.status_code == 202
    assert fault(answer.json(), "dark")["duration_sec"] == (60.0 if value is None else value)


@pytest.mark.parametrize("kind", ["params", "data", "json"])
def test_the_target_that_is_named_is_the_one_that_is_hit_and_healed(server: Server, home: Path, kind: str) -> None:
    sent: dict[str, Any] = {kind: {"target": "right"}}
    answer = server.client.post("/chaos/chosen", **sent)
    assert answer.status_code == 202
    assert fault(answer.json(), "chosen")["target"] == "right"
    assert active(server, "chosen")["target"] == "right"
    assert ((home / "left").exists(), (home / "right").exists()) == (False, True)
    assert "Stop right" in server.client.get("/").text
    assert "Stop the left lamp" not in server.client.get("/").text
    assert server.client.post("/chaos/chosen/heal").status_code == 202
    server.until(lambda state: fault(state, "chosen")["state"] == "idle")
    assert not (home / "right").exists()


@pytest.mark.parametrize(
    ("name", "target", "detail"),
    [
        ("dark", "left", "fault 'dark' cannot choose its target now: send it without 'target'"),
        ("chosen", "middle", "fault 'chosen' has no target 'middle' now; it has: left, right"),
        ("chosen", "", "'target' is empty: name a target, or leave it out"),
        ("chosen", ["left"], "'target' must be the id of a target, not \"['left']\""),
        ("chosen", "x" * 300, f"'target' must be the id of a target, not '{'x' * 40}'"),
    ],
)
def test_a_target_that_cannot_be_had_is_refused(server: Server, name: str, target: object, detail: str) -> None:
    before = server.state()["seq"]
    answer = server.client.post(f"/chaos/{name}", json={"target": target})
    assert problem(answer, 422, "invalid")["detail"] == detail
    assert server.state()["seq"] == before


def test_a_misspelt_field_injects_nothing_and_names_the_right_one(server: Server) -> None:
    answer = server.client.post("/chaos/dark", params={"duration": "5"})
    assert problem(answer, 422, "invalid")["detail"] == "unknown field 'duration': did you mean 'duration_sec'?"
    answer = server.client.post("/chaos/dark/heal", params={"duration_sec": "5"})
    assert problem(answer, 422, "invalid")["detail"] == "unknown field 'duration_sec': this route takes none"


def test_the_description_has_both_with_their_limits(server: Server) -> None:
    described = server.client.get("/openapi.json").json()["paths"]["/chaos/{name}"]["post"]["parameters"]
    found = {parameter["name"]: parameter for parameter in described}
    assert set(found) == {"name", "duration_sec", "target"}
    limits = {"minimum": MIN_DURATION_SEC, "maximum": MAX_DURATION_SEC}
    assert found["duration_sec"]["schema"] == {"type": "number"} | limits
    assert found["target"]["schema"] == {"type": "string", "minLength": 1, "maxLength": 200}
    assert not found["duration_sec"]["required"]


def test_after_a_kill_the_watchdog_heals_the_target_that_was_hit(home: Path, tmp_path: Path) -> None:
    (tmp_path / "lamps.py").write_text(LAMPS)
    journal = tmp_path / "show.journal"
    with serving("lamps:Lamps", "--journal", str(journal), cwd=tmp_path) as server:
        server.until(lambda state: state["seq"] > 0)
        assert server.client.post("/chaos/chosen?target=right&duration_sec=3000").status_code == 202
        active(server, "chosen")
        server.kill_with_watchdog()
        assert (tmp_path / "right").exists()
    with serving("lamps:Lamps", "--journal", str(journal), cwd=tmp_path) as server:
        server.until(lambda state: fault(state, "chosen")["state"] == "idle")
        assert not (tmp_path / "right").exists()
        assert fault(server.state(), "chosen")["target"] == "left"
        requested = [json.loads(line) for line in _events(server)]
        assert {"name": "chosen", "duration_sec": 3000.0, "target": "right"}.items() <= requested[-1].items()
        assert server.client.post("/chaos/chosen?target=right").status_code == 202
        active(server, "chosen")
        server.kill()
        wait_for(lambda: not (tmp_path / "right").exists(), 8, lambda: read_more(server) + str(server.watchdogs()))
        wait_for(lambda: "healed chosen (right)" in read_more(server))


def _events(server: Server) -> list[str]:
    found: list[str] = []
    epoch, seq = server.state()["epoch"], server.state()["seq"]
    with server.client.stream("GET", "/events", headers={"Last-Event-ID": f"{epoch}-0"}) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: "):
                entry = json.loads(line.removeprefix("data: "))
                if entry["event"]["type"] == "FaultRequested":
                    found.append(json.dumps(entry["event"]))
                if entry["seq"] >= seq:
                    break
    return found
