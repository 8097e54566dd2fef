"""`GET /metrics` on real servers: read by Prometheus' own parser, its counters watched as the show goes on."""

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families

from tests.scripts.test_docs import DOCS, ROOT, examples
from tests.support import fetch
from tests.support.paired_devices import OPEN, OpenServer
from tests.support.prometheus import scraping
from tests.support.servers import Server, Stream, serving, wait_for
from tests.web.routes.test_contract import problem

OURS = "chaos_stage_"


def families(server: Server) -> dict[str, Metric]:
    answer = server.client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def value(server: Server, name: str, **labels: str) -> float | None:
    """Of the one sample with these labels, or None."""
    samples = (sample for family in families(server).values() for sample in family.samples)
    found = [
        sample.value for sample in samples if sample.name == OURS + name and labels.items() <= sample.labels.items()
    ]
    assert len(found) < 2, (name, labels)
    return found[0] if found else None


def test_prometheus_can_read_it_in_both_of_its_formats(server: Server) -> None:
    found = families(server)
    assert {"process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds"} <= set(found)
    assert all(family.documentation for family in found.values())
    answer = server.client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    read = open_families(answer.text)  # type: ignore[no-untyped-call]
    assert {family.name for family in read} == set(found)


def test_commands_are_counted_with_their_outcome_and_the_refusals_code(server: Server) -> None:
    accepted = {"command": "advance", "outcome": "accepted", "code": ""}
    stale = {"command": "advance", "outcome": "refused", "code": "stale"}
    before = value(server, "commands_total", **accepted) or 0, value(server, "commands_total", **stale) or 0
    assert server.client.post("/advance").status_code == 200
    assert server.client.post("/advance?from=1").status_code == 409
    assert server.client.post("/timer/start").status_code == 200
    after = value(server, "commands_total", **accepted), value(server, "commands_total", **stale)
    assert after == (before[0] + 1, before[1] + 1)
    assert value(server, "commands_total", command="start_timer", outcome="accepted")
    assert value(server, "chapter") == 2


def test_streams_renderings_and_deliveries_move_with_the_show(server: Server) -> None:
    with Stream(server, "/stream/stage") as stream:
        stream.next()
        wait_for(lambda: value(server, "streams", view="stage") == 1)
        names = ("deliveries_total", "render_seconds_count", "render_seconds_sum")
        before = [value(server, name, view="stage") or 0 for name in names]
        assert server.client.post("/say", json={"text": "counted"}).status_code == 200
        while "counted" not in stream.next().get("data", ""):
            pass
        after = [value(server, name, view="stage") or 0 for name in names]
        assert all(now > then for now, then in zip(after, before, strict=True))
        assert value(server, "skipped_total", view="stage") == 0
    wait_for(lambda: value(server, "streams", view="stage") == 0)


def test_a_faults_state_and_its_measured_times_are_told(tmp_path: Path) -> None:
    (tmp_path / "lamp.py").write_text(examples()[1])
    with serving("lamp:Lamp", env={"PYTHONPATH": f"{tmp_path}:{ROOT}"}) as server:
        server.until(lambda state: bool(state["health"]) and state["health"]["freshness"] == "live")
        assert value(server, "fault_state", fault="off", state="idle") == 1
        assert value(server, "fault_detected_after_seconds", fault="off") is None
        assert value(server, "nodes", health="up") == 1
        assert value(server, "health_freshness", freshness="live") == 1
        assert value(server, "health_interval_seconds") == 0.2
        assert 0 <= (value(server, "health_age_seconds") or 0) < 5
        samples = value(server, "health_read_seconds_count") or 0
        assert server.client.post("/chaos/off").status_code == 202
        wait_for(lambda: value(server, "fault_state", fault="off", state="active") == 1)
        assert value(server, "fault_state", fault="off", state="idle") == 0
        state = server.until(lambda state: state["chaos"][0]["recovered_after_sec"] is not None)
        for name in ("detected_after", "recovered_after"):
            assert value(server, f"fault_{name}_seconds", fault="off") == state["chaos"][0][f"{name}_sec"]
        assert value(server, "fault_injections_total", fault="off") == 1
        assert (value(server, "health_read_seconds_count") or 0) > samples


def test_a_real_prometheus_accepts_it_and_keeps_the_id_of_the_event_that_injected_a_fault(tmp_path: Path) -> None:
    (tmp_path / "lamp.py").write_text(examples()[1])
    with (
        serving("lamp:Lamp", env={"PYTHONPATH": f"{tmp_path}:{ROOT}"}) as server,
        scraping(server, tmp_path) as prometheus,
        Stream(server, "/events?format=cloudevents") as stream,
    ):
        server.until(lambda state: bool(state["health"]) and state["health"]["freshness"] == "live")
        assert server.client.post("/chaos/off").status_code == 202
        event = json.loads(stream.next()["data"])
        while event["type"] != "chaos_stage.fault.requested":
            event = json.loads(stream.next()["data"])
        text = server.client.get("/metrics").text
        checked = subprocess.run(
            ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30, check=False
        )
        assert (checked.returncode, checked.stderr) == (0, "")
        asked = {"query": f"{OURS}fault_injections_total", "start": time.time() - 60, "end": time.time() + 60}

        def found() -> Any:
            return fetch.get(f"{prometheus}/api/v1/query_exemplars", params=asked).json()["data"] or None

        wait_for(found, 20)
        assert found()[0]["seriesLabels"]["fault"] == "off"
        assert [exemplar["labels"] for exemplar in found()[0]["exemplars"]] == [{"event_id": event["id"]}]
        server.until(lambda state: state["chaos"][0]["recovered_after_sec"] is not None)


def test_an_exemplar_is_only_in_openmetrics_and_only_after_an_injection(tmp_path: Path) -> None:
    (tmp_path / "lamp.py").write_text(examples()[1])
    with serving("lamp:Lamp", env={"PYTHONPATH": f"{tmp_path}:{ROOT}"}) as server:

        def line(accept: str) -> str:
            answer = server.client.get("/metrics", headers={"Accept": accept})
            return next(line for line in answer.text.splitlines() if line.startswith(f"{OURS}fault_injections_total"))

        opened = "application/openmetrics-text; version=1.0.0"
        server.until(lambda state: bool(state["health"]) and state["health"]["freshness"] == "live")
        assert "#" not in line(opened)
        assert server.client.post("/chaos/off").status_code == 202
        wait_for(lambda: "#" in line(opened))
        assert re.search(rf'# {{event_id="{server.state()["epoch"]}-\d+"}} 1.0 \d+', line(opened))
        assert "#" not in line("text/plain")
        server.until(lambda state: state["chaos"][0]["recovered_after_sec"] is not None)


def test_the_audience_is_not_told_and_the_token_is() -> None:
    with serving("none", *OPEN) as server:
        opened = OpenServer(server)
        problem(fetch.get(f"{opened.here}/metrics"), 401, "unpaired")
        answer = fetch.get(f"{opened.here}/metrics", headers=opened.bearer)
        assert answer.status_code == 200
        notes = fetch.get(f"{opened.here}/state", headers=opened.bearer).json()["chapter"]["notes"]
        assert notes
        for line in [opened.token, *notes.splitlines(), "127.0.0.1", "demo.test", str(opened.token_path)]:
            assert line not in answer.text


def test_every_metric_is_documented_and_every_documented_one_exists(tmp_path: Path) -> None:
    (tmp_path / "lamp.py").write_text(examples()[1])
    table = DOCS["metrics.md"].partition("```")[0]
    documented = set(re.findall(r"`(chaos_stage_\w+)`", table))
    with serving("lamp:Lamp", env={"PYTHONPATH": f"{tmp_path}:{ROOT}"}) as server:
        server.until(lambda state: bool(state["health"]))
        server.client.post("/advance")
        found = families(server)
        exposed = {f"{name}_total" if family.type == "counter" else name for name, family in found.items()}
        assert {name for name in exposed if name.startswith(OURS)} == documented
        for name in found:
            if name.startswith(OURS):
                labels = {label for sample in found[name].samples for label in sample.labels}
                row = next(line for line in table.splitlines() if f"`{name}" in line)
                assert labels <= set(re.findall(r"`(\w+)`", row.split("|")[2])), name
    for asked in re.findall(r"chaos_stage_\w+", DOCS["metrics.md"].partition("```")[2]):
        assert re.sub(r"_(sum|count)$", "", asked) in documented


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_nobody_can_write_it(server: Server, method: str) -> None:
    problem(server.client.request(method, "/metrics"), 405, "method_not_allowed")
