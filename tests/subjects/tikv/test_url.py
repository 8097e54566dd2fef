"""`demo serve tikv --pd URL` against the fake cluster: PD's answers, right and odd, on the cards of the page."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from demo.processes.ports import free_ports
from tests.support.demo_command import run_demo
from tests.support.fake_pd import Cluster, html, truncated
from tests.support.servers import Server, serving
from tests.support.system_description import wait_for_system_description

STORES = ("store-1", "store-4", "store-5")
PDS = ("pd0", "pd1", "pd2")
TIMEOUT_SEC = 25.0
SLOW_SEC = 0.5
"""What it takes to ask the server itself, on a machine that is busy with other tests."""


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster(advertises_names=False, pace=0.15) as running:
        yield running


@contextmanager
def show(cluster: Cluster, *more: str, of: tuple[str, ...] = PDS) -> Iterator[Server]:
    """A show of it, all up."""
    urls = [word for name in of for word in ("--pd", cluster.pd_urls[name])]
    with serving("tikv", *urls, *more) as server:
        server.until(is_up, TIMEOUT_SEC)
        yield server


def is_up(state: dict[str, Any]) -> bool:
    health = state["health"]
    return bool(health) and len(health["nodes"]) >= 8 and not health["has_issues"]


def node(state: dict[str, Any], ident: str) -> dict[str, Any]:
    found: dict[str, Any] = next((node for node in state["health"]["nodes"] if node["id"] == ident), {})
    return found


def until_card(server: Server, ident: str, health: str, detail: str = "") -> dict[str, Any]:
    state = server.until(
        lambda s: node(s, ident).get("health") == health and detail in node(s, ident)["detail"], TIMEOUT_SEC
    )
    return node(state, ident)


def card_html(server: Server, name: str) -> str:
    """The part of that name on the presenter's page."""
    page = unescape(server.client.get("/presenter").text)
    (parts,) = re.findall(r'<ul class="parts">.*?</ul>', page, re.DOTALL)
    found: list[str] = re.findall(r"<li .*?</li>", parts, re.DOTALL)
    return next(part for part in found if f">{name}<" in part)


def test_a_cluster_known_by_one_url_is_whole_on_the_wall(cluster: Cluster) -> None:
    with show(cluster, of=("pd1",)) as server:
        state = server.until(lambda s: all("ops/s" in node(s, name)["metrics"] for name in STORES), TIMEOUT_SEC)
        assert [n["id"] for n in state["health"]["nodes"]] == [*STORES, *PDS, "load", "writes"]
        assert node(state, "store-4")["detail"] == "leads 2/5 · PD: Up"
        assert [node(state, name)["detail"] for name in PDS] == ["leads", "follows", "follows"]
        assert node(state, "pd0")["member_id"] == "13156394451279123456"
        assert state["health"]["leader"]["told_by"] == "client"
        assert state["health"]["leader"]["id"] == "store-1", "the load's keys lie in the first region"
        assert "leads 2/5 · PD: Up" in card_html(server, "store-4")
        assert "leads" in card_html(server, "pd0")


def test_a_store_dies_others_lead_at_once_and_pd_says_it_late(cluster: Cluster) -> None:
    with show(cluster) as server:
        cluster.kill("tikv0")
        assert until_card(server, "store-1", "down")["detail"] == "PD: Up · connection refused"
        until_card(server, "writes", "down", "election")
        state = server.until(lambda s: s["health"]["leader"]["id"] is None)
        cluster.elect()
        state = server.until(lambda s: s["health"]["leader"]["id"] == "store-4", TIMEOUT_SEC)
        assert state["health"]["leader"]["led"] == {"store-4": 3, "store-5": 2}, "there are several new leaders"
        assert (state["health"]["leader"]["leads"], state["health"]["leader"]["regions"]) == (3, 5)
        until_card(server, "store-4", "up", "leads 3/5")
        until_card(server, "store-1", "down", "PD: Disconnected")
        assert "PD: Disconnected" in card_html(server, "store-1")
        cluster.revive("tikv0")
        assert until_card(server, "store-1", "up", "PD: Up")["detail"] == "leads 0/5 · PD: Up"


def test_without_containers_nothing_can_be_broken_and_the_deck_says_so(cluster: Cluster) -> None:
    with show(cluster) as server:
        assert server.client.post("/chaos/kill-store").status_code == 202
        state = server.until(lambda s: s["chaos"][0]["state"] == "failed")
        said = "only the addresses of this cluster are known, so no fault can be injected"
        assert said in state["chaos"][0]["error"]
        assert server.client.post("/goto/5").status_code == 200
        state = server.until(lambda s: s["chapter"]["status"] == "failed", TIMEOUT_SEC)
        assert said in state["chapter"]["error"]
        assert cluster.state.stores["tikv0"].is_up


def test_a_slow_pd_is_a_red_card_and_holds_up_nobody(cluster: Cluster) -> None:
    with show(cluster) as server:
        cluster.slow("pd2", 2.0)
        assert until_card(server, "pd2", "down")["detail"] == "no answer in 400 ms"
        cluster.kill("tikv2")
        until_card(server, "store-5", "down", "PD: Up")
        assert node(server.state(), "pd1")["health"] == "up"
        cluster.slow("pd2", 0.0)
        until_card(server, "pd2", "up", "follows")


@pytest.mark.parametrize("hangs", [False, True], ids=["refuse", "hang"])
def test_pd_without_a_leader_says_so_within_a_second_and_a_new_one_is_seen(cluster: Cluster, hangs: bool) -> None:
    cluster.state.hangs = hangs
    with show(cluster) as server:
        followers = ("pd1", "pd2")
        cluster.kill("pd0")
        killed = time.monotonic()
        while not all(node(server.state(), name)["detail"] == "PD has no leader" for name in followers):
            assert time.monotonic() - killed < 1.0 + SLOW_SEC
        while node(server.state(), "pd0")["detail"] != "connection refused":
            assert time.monotonic() - killed < 1.0 + SLOW_SEC
        while time.monotonic() - killed < 3.0:
            state = server.state()
            assert [node(state, name)["health"] for name in followers] == ["degraded"] * 2, "who lives is not red"
            assert state["health"]["pd_leader"] == {"id": None}
        assert until_card(server, "writes", "up")["detail"] == "confirmed all the time"
        cluster.elect_pd("pd2")
        until_card(server, "pd2", "up", "leads")
        assert until_card(server, "pd1", "up")["detail"] == "follows"
        assert server.state()["health"]["pd_leader"] == {"id": "pd2"}
        assert node(server.state(), "pd1")["member_id"] == "13156394451279123457"


def test_what_a_new_leader_of_pd_has_not_heard_of_is_not_its_word(cluster: Cluster) -> None:
    with show(cluster) as server:
        before = server.state()["health"]["pd_words"]
        cluster.kill("pd0")
        until_card(server, "pd1", "degraded", "PD has no leader")
        cluster.stop_heartbeats()
        for name in ("tikv0", "tikv1"):
            cluster.force_state(name, "Disconnected")  # until it is heard of
        cluster.elect_pd("pd2")
        until_card(server, "pd2", "up", "leads")
        assert until_card(server, "store-1", "up", "PD: no heartbeat yet")
        assert server.state()["health"]["pd_words"] == before
        for name in ("tikv0", "tikv1"):
            cluster.force_state(name, None)
        cluster.beat()
        until_card(server, "store-1", "up", "PD: Up")
        assert server.state()["health"]["pd_words"] == before


def test_a_store_that_has_just_come_waits_for_its_first_heartbeat_and_is_not_down(cluster: Cluster) -> None:
    cluster.register("tikv1")
    with show(cluster) as server:
        assert until_card(server, "store-4", "up", "PD: no heartbeat yet")
        assert "store-4" not in server.state()["health"]["pd_words"]
        cluster.beat("tikv1")
        until_card(server, "store-4", "up", "PD: Up")


def test_pds_without_a_store_are_starting_in_cards_and_doctor(cluster: Cluster) -> None:
    cluster.state.is_bootstrapped = False
    with serving("tikv", "--pd", cluster.pd_urls["pd0"]) as server:
        for name in PDS:
            assert until_card(server, name, "starting")["detail"] == "no store has joined yet"
        said = run_demo("doctor", "tikv", "--pd", cluster.pd_urls["pd0"], "--port", "0").stdout
        assert "is starting: no store has joined yet" in said
        cluster.state.is_bootstrapped = True
        server.until(is_up, TIMEOUT_SEC)
        assert [n["id"] for n in server.state()["health"]["nodes"]] == [*STORES, *PDS, "load", "writes"]


def test_only_bounded_questions_are_asked_and_the_followers_are_not_asked_for_what_the_leader_tells(
    cluster: Cluster,
) -> None:
    with show(cluster, of=("pd0",)) as server:
        cluster.state.asked.clear()
        began = time.monotonic()
        while time.monotonic() - began < 3.0:
            server.state()
        took = time.monotonic() - began
        asked = dict(cluster.state.asked)
    assert set(asked) <= {"/leader", "/ping", "/members", "/stores", "/regions/count"}
    assert asked["/stores"] / took < 4, "twice a second by the leader's card, and once in two seconds by who looks"


@pytest.mark.parametrize("twist", [html, truncated, lambda *_: b'[{"id":1}]', lambda *_: b"\x00\xff"])
def test_what_is_not_pds_json_is_said_and_the_other_pds_tell_the_rest(cluster: Cluster, twist: Any) -> None:
    with show(cluster) as server:
        cluster.rewrite_body("pd0", twist)
        card = until_card(server, "pd0", "down")
        assert card["detail"] == "answered with unexpected JSON, not PD's"
        assert "unexpected JSON, not PD" in card_html(server, "pd0")
        assert server.until(lambda s: node(s, "pd1")["health"] == "up")
        until_card(server, "store-1", "up", "PD: Up")
        for name in ("pd1", "pd2"):
            cluster.rewrite_body(name, twist)
        until_card(server, "store-1", "up", "leads ? · PD: no report")
        for name in PDS:
            cluster.rewrite_body(name, None)
        until_card(server, "pd0", "up", "leads")
        until_card(server, "store-1", "up", "leads 2/5 · PD: Up")


def test_ids_beyond_what_a_double_holds_stay_exact() -> None:
    idents = (1, 2**53 + 1, 2**63 + 5)
    with Cluster(store_ids=idents, advertises_names=False) as cluster, show(cluster) as server:
        state = server.state()
        assert [node(state, f"store-{ident}")["store_id"] for ident in idents] == [str(ident) for ident in idents]
        assert f"store-{2**53 + 1}" in card_html(server, f"store-{2**53 + 1}")


def test_a_prometheus_that_cannot_be_reached_is_said_once_and_the_stores_are_asked(cluster: Cluster) -> None:
    with show(cluster, "--prometheus", f"http://127.0.0.1:{free_ports(1)[0]}") as server:
        state = server.until(lambda s: all("ops/s" in node(s, name)["metrics"] for name in STORES), TIMEOUT_SEC)
        lines = [line["text"] for line in state["log"] if line["text"].startswith("Prometheus")]
        assert lines == ["Prometheus: connection refused; operations a second are read from the stores instead"]


@contextmanager
def prometheus(cluster: Cluster) -> Iterator[str]:
    """Tells what nobody could measure."""
    by = {name: address for address in cluster.addresses.values() for name in [address]}
    result = [{"metric": {"instance": at}, "value": [1.0, "4242"]} for at in by]

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = str({"status": "success", "data": {"resultType": "vector", "result": result}}).replace("'", '"')
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def test_a_prometheus_that_answers_tells_how_much_the_stores_serve(cluster: Cluster) -> None:
    with prometheus(cluster) as url, show(cluster, "--prometheus", url) as server:
        state = server.until(lambda s: node(s, "store-1")["metrics"].get("ops/s") == 4240.0, TIMEOUT_SEC)
        assert not [line for line in state["log"] if line["text"].startswith("Prometheus:")]


def test_a_cluster_that_comes_late_is_seen_and_healing_starts_the_load(cluster: Cluster) -> None:
    for name in PDS:
        cluster.kill(name)
    with serving("tikv", "--pd", cluster.pd_urls["pd0"]) as server:
        state = server.until(lambda s: any("no PD reports" in line["text"] for line in s["log"]))
        assert [n["id"] for n in state["health"]["nodes"]] == ["load", "writes"]
        for name in PDS:
            cluster.revive(name)
        cluster.elect_pd("pd1")
        server.until(lambda s: node(s, "store-5").get("health") == "up", TIMEOUT_SEC)
        assert server.client.post("/heal").status_code in (200, 202)
        server.until(is_up, TIMEOUT_SEC)


def test_what_is_advertised_under_names_that_are_not_known_here_is_unknown_and_not_down() -> None:
    with Cluster() as cluster, serving("tikv", "--pd", cluster.pd_urls["pd0"]) as server:
        until_card(server, "tikv1", "unknown", "PD: no report · its host name cannot be resolved")
        until_card(server, "pd0", "unknown", "its host name cannot be resolved")


def test_nothing_is_written_beside_the_tables_of_a_tidb() -> None:
    with (
        Cluster(cuts=(b"t\x80\0\0\0\0\0\0\x01",), advertises_names=False) as cluster,
        serving("tikv", "--pd", cluster.pd_urls["pd0"]) as server,
    ):
        card = until_card(server, "writes", "starting", "TiDB")
        assert card["detail"] == "none yet: this cluster has TiDB's tables"
        assert cluster.state.data == {}


def test_it_tells_the_versions_that_pd_tells(cluster: Cluster) -> None:
    with show(cluster) as server:
        facts = wait_for_system_description(server, "TiKV")
    assert (facts["PD"], facts["TiKV"]) == ("v8.5.7", "8.5.7")
    assert (facts["PD members"], facts["stores"]) == ("3", "3")
    assert facts["runs as"] == "a running cluster, known by its URL"
    assert facts["option pd"].count("http://") == 3
