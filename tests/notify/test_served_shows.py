"""`demo serve` and `demo run` that tell other tools: options, secrets, metrics, and a show's own pace."""

import base64
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo.notify.receivers import SECRET, TOKEN
from tests.scripts.test_docs import ROOT, examples
from tests.support import fetch
from tests.support.http_receiver import Reply, receiving
from tests.support.paired_devices import OPEN, OpenServer
from tests.support.servers import Server, Stream, serving, wait_for
from tests.web.routes.test_contract import problem
from tests.web.routes.test_metrics import value

WHSEC = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"
ENV = {SECRET: WHSEC, TOKEN: "glsa_token"}
CREATED = Reply(body=b'{"message": "Annotation added", "id": NUMBER}')


@pytest.fixture
def lamp(tmp_path: Path) -> dict[str, str]:
    """The environment in which the documentation's lamp can be presented."""
    (tmp_path / "lamp.py").write_text(examples()[1])
    return ENV | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}


def run_in_pipe(*options: str, typed: str = "q\n", env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "demo", "run", "none", *options]
    environ = dict(os.environ) | env
    return subprocess.run(command, input=typed, capture_output=True, text=True, timeout=60, env=environ, check=False)


def advance_and_back(server: Server, times: int) -> list[float]:
    took = []
    for number in range(times):
        began = time.perf_counter()
        assert server.client.post("/back" if number % 2 else "/advance").status_code == 200
        took.append(time.perf_counter() - began)
    return sorted(took)


def test_a_served_show_tells_webhooks_and_grafana_and_counts_it(lamp: dict[str, str]) -> None:
    with receiving() as hook, receiving(always=CREATED) as grafana:
        with serving("lamp:Lamp", "--webhook", f"{hook.url}/secret", "--annotate", grafana.url, env=lamp) as server:
            server.until(lambda state: bool(state["health"]) and state["health"]["freshness"] == "live")
            assert server.client.post("/chaos/off").status_code == 202
            server.until(lambda state: state["chaos"][0]["recovered_after_sec"] is not None)
            wait_for(lambda: len(grafana.received) == 4)
            assert value(server, "notifications_total", receiver="grafana", outcome="delivered") == 4
            assert value(server, "notifications_total", receiver="webhook-1", outcome="dropped") == 0
            assert value(server, "notifications_waiting", receiver="webhook-1") == 0
            shown = server.read_output() + server.client.get("/state").text + server.client.get("/metrics").text
        assert f"webhook    {hook.url}/…" in shown
        assert f"grafana    annotations at {grafana.url}/…" in shown
        assert not any(word in shown + server.read_all_output() for word in ("/secret", "glsa_token", WHSEC))
        assert [request.method for request in grafana.received].count("PATCH") == 1
        types = [event["type"] for event in hook.events()]
        assert types[0] == "chaos_stage.show.opened"
        assert types[-1] == "chaos_stage.show.closed"


def test_a_receiver_that_hangs_delays_neither_moves_nor_the_end(lamp: dict[str, str]) -> None:
    with serving("lamp:Lamp", env=lamp) as server:
        usual = advance_and_back(server, 40)
    with receiving(always=Reply(hangs=True)) as dead:
        told = ("--webhook", dead.url, "--webhook", f"{dead.url}/2", "--annotate", dead.url)
        with serving("lamp:Lamp", *told, env=lamp) as server:
            server.until(lambda state: bool(state["health"]) and state["health"]["freshness"] == "live")
            assert server.client.post("/chaos/off").status_code == 202
            # A server that is stopped while it injects leaves the rest to its watchdog, which takes its time.
            server.until(lambda state: state["chaos"][0]["detected_after_sec"] is not None)
            took = advance_and_back(server, 40)
            began = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - began < 8
        assert took[20] < usual[20] * 2 + 0.01
        assert len(dead.received) >= 2


def test_a_host_that_cannot_be_found_is_said_and_stops_nothing(lamp: dict[str, str]) -> None:
    url = "https://anna:swordfish@no-such-host.invalid/hook"
    with serving("lamp:Lamp", "--webhook", url, env=lamp) as server:
        state = server.until(lambda state: any("cannot be found" in line["text"] for line in state["log"]))
        line = next(line for line in state["log"] if "cannot be found" in line["text"])
        assert (line["who"], line["level"]) == ("receivers", "error")
        assert line["text"].startswith("webhook-1 (https://no-such-host.invalid/…) fails: its host cannot be found")
        assert server.client.post("/advance").json()["chapter"]["number"] == 2
        assert server.stop() == 0
    assert "swordfish" not in json.dumps(state) + server.read_all_output()


def test_a_show_in_a_terminal_tells_too() -> None:
    with receiving() as hook:
        done = run_in_pipe("--webhook", hook.url, env=ENV)
        assert done.returncode == 0, done.stderr
        assert [event["type"].split(".", 1)[1] for event in hook.events()][:2] == ["show.opened", "chapter.entered"]


@pytest.mark.parametrize(
    ("options", "env", "said"),
    [
        (["--webhook", "https://a.example"], {}, "openssl rand -base64 32"),
        (["--webhook", "ftp://x:swordfish@a.example"], ENV, "http:// or https://"),
        (["--annotate", "grafana.example"], ENV, "--annotate"),
    ],
)
def test_a_wrong_call_exits_with_2_and_quotes_no_url(options: list[str], env: dict[str, str], said: str) -> None:
    done = run_in_pipe(*options, env={SECRET: "", TOKEN: ""} | env)
    assert done.returncode == 2
    assert said in done.stderr
    assert "swordfish" not in done.stdout + done.stderr


# CloudEvents in the stream.


def test_the_stream_of_cloud_events_begins_with_the_state_and_resumes_as_the_other_does(server: Server) -> None:
    with Stream(server, "/events?format=cloudevents") as stream:
        first = stream.next()
        snapshot = json.loads(first["data"])
        assert (first["event"], snapshot["type"]) == ("snapshot", "chaos_stage.snapshot")
        assert snapshot["data"]["seq"] == int(first["id"].rpartition("-")[2])
        seq = server.client.post("/say", json={"text": "hello room"}).json()["seq"]
        entry = stream.next()
        said = json.loads(entry["data"])
    assert (entry["event"], entry["id"]) == ("entry", said["id"])
    assert said["id"] == f"{server.state()['epoch']}-{seq}"
    assert said["data"] == {"text": "hello room"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", said["time"])
    with Stream(server, "/events?format=cloudevents", {"Last-Event-ID": first["id"]}) as stream:
        assert stream.next() == entry | {"retry": "500"}
    with Stream(server, "/events", {"Last-Event-ID": first["id"]}) as stream:
        assert json.loads(stream.next()["data"])["event"] == {"type": "Said", "text": "hello room"}


def test_another_format_is_refused_and_the_audience_gets_none(server: Server) -> None:
    refused = problem(server.client.get("/events?format=xml"), 422, "invalid")
    assert refused["detail"] == "'format' must be json or cloudevents, not 'xml'"
    with serving("none", *OPEN) as opened:
        problem(fetch.get(f"{OpenServer(opened).here}/events?format=cloudevents"), 401, "unpaired")
