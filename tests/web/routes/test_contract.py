"""The HTTP contract of docs/http.md, against a real server over real sockets."""

import concurrent.futures
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support import fetch
from tests.support.servers import Server, Stream, serving, wait_for

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert (body["code"], body["status"]) == (code, status)
    assert body["title"]
    assert body["detail"]
    return body


# Pages and machine routes.


@pytest.mark.parametrize("path", ["/", "/presenter", "/remote"])
def test_pages_carry_the_whole_view_and_the_strict_policy(server: Server, path: str) -> None:
    response = server.client.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["content-security-policy"] == CSP
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "same-origin"
    assert "Good to see you" in response.text
    assert server.client.head(path).status_code == 200


def test_every_asset_of_a_page_is_served_from_here_and_may_be_cached_for_ever(server: Server) -> None:

    for path in ("/", "/presenter", "/remote"):
        links = re.findall(r'(?:src|href)="([^"]+)"', server.client.get(path).text)
        assets = [link for link in links if link.startswith("static/")]
        assert len(assets) >= 4
        assert not [link for link in links if "//" in link], "nothing from outside"
        assert not [link for link in links if link.startswith("/")], "below a path it would lead beside the server"
        for link in assets:
            response = server.client.get(link)
            assert response.status_code == 200, link
            assert "immutable" in response.headers["cache-control"]


def test_there_is_a_favicon_and_a_file_outside_cannot_be_reached(server: Server) -> None:
    assert server.client.get("/favicon.ico").headers["content-type"].startswith("image/")
    for path in ("/static/../cli.py", "/static/%2e%2e/cli.py", "/static/none.css", "/static/"):
        problem(server.client.get(path), 404, "not_found")


@pytest.mark.parametrize("path", ["/state", "/healthz"])
def test_a_head_of_a_machine_route_has_no_body(server: Server, path: str) -> None:
    response = server.client.head(path)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"] == "application/json"


def test_healthz_says_ok(server: Server) -> None:
    assert server.client.get("/healthz").json()["status"] == "ok"


def test_state_has_the_documented_shape(server: Server) -> None:
    state = server.client.get("/state").json()
    expected = {"epoch", "seq", "title", "subject", "chapter", "progress", "complete", "log", "chaos", "halted"}
    assert expected | {"blackout", "frozen", "durable", "health", "timer", "viewers"} <= set(state)
    assert {
        "number",
        "total",
        "step",
        "steps",
        "title",
        "narration",
        "format",
        "key_hint",
        "status",
        "error",
        "blocks_advance",
    } | {
        "auto_advance",
        "notes",
    } == set(state["chapter"])
    assert set(state["timer"]) == {"running", "elapsed_sec", "started_at", "budget_sec"}
    assert set(state["viewers"]) == {"stage", "presenter", "remote"}
    assert (state["progress"], state["complete"]) == ("[1/5]", False)


def test_openapi_names_every_control(server: Server) -> None:
    paths = server.client.get("/openapi.json").json()["paths"]
    expected = {"/advance", "/back", "/goto/{chapter}", "/rerun", "/chaos/{name}", "/chaos/{name}/heal", "/heal"}
    expected |= {"/freeze", "/timer/start", "/timer/pause", "/timer/reset"}
    assert expected | {"/halt", "/resume", "/say", "/blackout", "/state", "/events", "/healthz"} <= set(paths)


# Moving.


def test_advance_answers_with_the_new_state(server: Server) -> None:
    response = server.client.post("/advance")
    assert response.status_code == 200
    assert response.json()["chapter"]["number"] == 2
    assert server.state()["chapter"]["number"] == 2


@pytest.mark.parametrize(
    "carrier",
    [{"params": {"from": 1}}, {"data": {"from": "1"}}, {"json": {"from": 1}}, {"files": {"from": (None, "1")}}],
    ids=["query", "form", "json", "multipart"],
)
def test_from_guards_against_a_second_tap(server: Server, carrier: dict[str, Any]) -> None:
    assert server.client.post("/advance", **carrier).status_code == 200
    body = problem(server.client.post("/advance", **carrier), 409, "stale")
    assert "1" in body["detail"]
    assert "2" in body["detail"]
    assert server.state()["chapter"]["number"] == 2


@pytest.mark.parametrize(
    "value", ["x", "1.", "1.5.2", "", "true", "٣", "9" * 30, "--5", "---1", "-", "+5", "−5", " ", "1 2", "-1-", "1_0"]
)
def test_a_from_that_is_no_chapter_number_is_unreadable(server: Server, value: str) -> None:
    response = server.client.post("/advance", params={"from": value})
    if value == "":
        assert response.status_code == 200
    else:
        problem(response, 422, "invalid")
        assert server.state()["chapter"]["number"] == 1


@pytest.mark.parametrize("value", ["5 ", " 5", "-5", "0"])
def test_a_from_of_no_chapter_of_this_moment_is_stale(server: Server, value: str) -> None:
    problem(server.client.post("/advance", params={"from": value}), 409, "stale")


PART = b'--b\r\nContent-Disposition: form-data; name="from"\r\n\r\n1\r\n'


@pytest.mark.parametrize(
    ("query", "kind", "body"),
    [
        ("?from=7&from=", "text/plain", b""),
        ("?from=1&from=1", "text/plain", b""),
        ("", "application/x-www-form-urlencoded", b"from=7&from=1"),
        ("", "application/json", b'{"from": 7, "from": 1}'),
        (
            "",
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="from"\r\n\r\n1\r\n' * 2 + b"--b--",
        ),
    ],
)
def test_a_field_that_is_sent_twice_is_unreadable(server: Server, query: str, kind: str, body: bytes) -> None:
    answer = server.client.post(f"/advance{query}", content=body, headers={"content-type": kind})
    assert "twice" in problem(answer, 422, "invalid")["detail"]
    assert server.state()["chapter"]["number"] == 1


def test_the_ends_refuse(server: Server) -> None:
    problem(server.client.post("/back"), 409, "at_start")
    assert server.client.post("/goto/5").json()["complete"] is True
    problem(server.client.post("/advance"), 409, "at_end")


@pytest.mark.parametrize("chapter", ["0", "6", "-1", "x", "1e3", "%F0%9F%92%A5", "9" * 40])
def test_an_unknown_chapter_is_not_found(server: Server, chapter: str) -> None:
    problem(server.client.post(f"/goto/{chapter}"), 404, "not_found")
    assert server.state()["chapter"]["number"] == 1


@pytest.mark.parametrize("path", ["/chaos/nothing", "/chaos/nothing/heal", "/nothing", "/stream/nothing"])
def test_unknown_names_are_not_found(server: Server, path: str) -> None:
    seq = server.state()["seq"]
    method = "GET" if path.startswith("/stream") else "POST"
    problem(server.client.request(method, path), 404, "not_found")
    assert server.state()["seq"] == seq


def test_a_get_never_changes_anything(server: Server) -> None:
    seq = server.state()["seq"]
    for path in (
        "/advance",
        "/back",
        "/goto/2",
        "/halt",
        "/say",
        "/blackout",
        "/freeze",
        "/timer/start",
        "/timer/reset",
    ):
        response = server.client.get(path)
        problem(response, 405, "method_not_allowed")
        assert response.headers["allow"] == "POST"
    assert server.state()["seq"] == seq


def test_a_request_from_htmx_gets_204(server: Server) -> None:
    response = server.client.post("/advance", headers={"HX-Request": "true"})
    assert (response.status_code, response.content) == (204, b"")


def test_the_log_says_who_it_was(server: Server) -> None:
    server.client.post("/advance", headers={"X-Demo-Client": "remote"})
    server.client.post("/back", headers={"User-Agent": "curl/8.5"})
    server.client.post("/advance", headers={"X-Demo-Client": "<script>"})
    assert [line["who"] for line in server.state()["log"][-3:]] == ["remote", "curl", "http"]


# Stage control.


def test_halt_resume_and_heal(server: Server) -> None:
    assert server.client.post("/halt").json()["halted"] is True
    assert server.client.post("/resume").json()["halted"] is False
    assert server.client.post("/heal").status_code == 202


def test_blackout_toggles_or_is_set(server: Server) -> None:
    assert server.client.post("/blackout").json()["blackout"] is True
    assert server.client.post("/blackout").json()["blackout"] is False
    assert server.client.post("/blackout", params={"on": "true"}).json()["blackout"] is True
    assert server.client.post("/blackout", params={"on": "true"}).json()["blackout"] is True
    problem(server.client.post("/blackout", params={"on": "maybe"}), 422, "invalid")


@pytest.mark.parametrize(
    "carrier",
    [
        {"content": "hello <b>room</b>", "headers": {"content-type": "text/plain"}},
        {"data": {"text": "hello <b>room</b>"}},
        {"json": {"text": "hello <b>room</b>"}},
    ],
    ids=["plain", "form", "json"],
)
def test_a_line_reaches_every_screen_escaped(server: Server, carrier: dict[str, Any]) -> None:
    assert server.client.post("/say", **carrier).json()["said"] == "hello <b>room</b>"
    page = server.client.get("/").text
    assert "hello &lt;b&gt;room&lt;/b&gt;" in page


def test_a_line_may_have_280_characters(server: Server) -> None:
    assert server.client.post("/say", json={"text": "é" * 280}).status_code == 200
    problem(server.client.post("/say", json={"text": "é" * 281}), 422, "invalid")
    problem(server.client.post("/say"), 422, "invalid")


def test_half_a_character_is_refused_and_breaks_nothing_after_it(server: Server) -> None:
    headers, before = {"content-type": "application/json"}, server.state()["said"]
    for body in (b'{"text": "\\ud800 hi"}', b'{"text": "hi \\udfff"}'):
        problem(server.client.post("/say", content=body, headers=headers), 422, "invalid")
    problem(server.client.post("/advance", content=b'{"from": "\\ud800"}', headers=headers), 422, "invalid")
    problem(server.client.post("/blackout", content=b'{"on": "\\ud800"}', headers=headers), 422, "invalid")
    assert server.state()["said"] == before
    assert server.client.post("/say", content=b'{"text": "\\ud83d\\ude00"}', headers=headers).json()["said"] == "😀"


def test_control_characters_are_taken_out_of_a_line(server: Server) -> None:
    text = "\x1b[31mred\x07\x00 and\ttab\x9b2J\x85next\n\x7f end\x08"
    assert server.client.post("/say", json={"text": text}).json()["said"] == "[31mred and tab2J next end"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b"[1]"),
        ("application/json", b'"from"'),
        ("application/json", b'{"from": [1]}'),
        ("application/json", b'{"from": true}'),
        ("application/json", b"\xff\xfe"),
        ("application/json", b"[" * 60_000),
        ("application/x-www-form-urlencoded", b"from"),
        ("text/plain", b"\xff"),
        ("multipart/form-data", b"no boundary"),
    ],
)
def test_bodies_that_cannot_be_read_change_nothing(server: Server, kind: str, body: bytes) -> None:
    seq = server.state()["seq"]
    problem(server.client.post("/advance", content=body, headers={"content-type": kind}), 422, "invalid")
    assert server.state()["seq"] == seq


def test_a_body_over_64_kib_is_refused_before_it_is_parsed(server: Server) -> None:
    problem(server.client.post("/say", content=b"x" * (64 * 1024 + 1)), 413, "too_large")

    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 1024

    problem(server.client.post("/say", content=chunks()), 413, "too_large")
    assert server.client.post("/halt", content=b"x" * 64 * 1024).status_code == 200


# Access.


@pytest.mark.parametrize(
    "host",
    ["evil.example:{port}", "127.0.0.1", "localhost", "127.0.0.1:1", "localhost.evil.example:{port}", "", "127.0.0.1:"],
)
def test_only_our_own_names_with_the_port_are_answered(server: Server, host: str) -> None:
    for method, path in (("GET", "/"), ("POST", "/advance")):
        response = server.client.request(method, path, headers={"host": host.format(port=server.port)})
        assert response.status_code in (400, 421), response.text
    assert server.state()["chapter"]["number"] == 1


@pytest.mark.parametrize("host", ["localhost:{port}", "127.0.0.1:{port}", "[::1]:{port}", "LOCALHOST:{port}"])
def test_loopback_names_are_answered(server: Server, host: str) -> None:
    headers = {"host": host.format(port=server.port)}
    assert server.client.get("/healthz", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1"},
        {"origin": "https://127.0.0.1:{port}"},
        {"origin": "http://127.0.0.1:{port}.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://127.0.0.1:{port}", "sec-fetch-site": "cross-site"},
    ],
)
def test_control_from_another_site_is_refused(server: Server, headers: dict[str, str]) -> None:
    filled = {name: value.format(port=server.port) for name, value in headers.items()}
    problem(server.client.post("/advance", headers=filled), 403, "origin")
    assert server.state()["chapter"]["number"] == 1


def test_control_from_our_own_page_is_carried_out(server: Server) -> None:
    headers = {"origin": server.url, "sec-fetch-site": "same-origin"}
    assert server.client.post("/advance", headers=headers).status_code == 200


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_control_through_a_proxy_is_refused_and_reading_is_not(server: Server, name: str) -> None:
    problem(server.client.post("/advance", headers={name: "10.0.0.1"}), 403, "proxied")
    assert server.client.get("/", headers={name: "10.0.0.1"}).status_code == 200


# Streams.


def test_a_stream_begins_with_the_whole_view_and_goes_on_with_what_changed(server: Server) -> None:
    with Stream(server, "/stream/stage") as stream:
        assert stream.response.headers["content-type"].startswith("text/event-stream")
        assert stream.response.headers["x-accel-buffering"] == "no"
        first = stream.next()
        assert "Good to see you" in first["data"]
        assert 'hx-target="#r-line"' in first["data"]
        server.client.post("/say", json={"text": "only this"})
        changed = next_unnamed(stream)
        assert "only this" in changed["data"]
        assert 'hx-target="#r-line"' not in changed["data"]
        assert int(changed["id"].rpartition("-")[2]) > int(first["id"].rpartition("-")[2])
        assert changed["id"].rpartition("-")[0] == server.state()["epoch"]


def next_unnamed(stream: Stream) -> dict[str, str]:
    while "event" in (message := stream.next()):
        pass
    return message


def test_a_silent_stream_beats_about_once_a_second(server: Server) -> None:
    with Stream(server, "/stream/remote", timeout=3) as stream:
        stream.next()
        beat = stream.next()
        assert beat["event"] == "beat"
        assert json.loads(beat["data"])["now"] > 1e9


def test_viewers_are_counted(server: Server) -> None:
    with Stream(server, "/stream/stage"), Stream(server, "/stream/stage"), Stream(server, "/stream/remote"):
        server.until(lambda state: state["viewers"] == {"stage": 2, "presenter": 0, "remote": 1})
    server.until(lambda state: state["viewers"] == {"stage": 0, "presenter": 0, "remote": 0})


def test_the_stage_never_gets_the_notes(server: Server) -> None:
    notes = server.state()["chapter"]["notes"]
    secret = notes.split("\n")[0].lstrip("- ")[:20]
    assert secret
    assert secret in server.client.get("/presenter").text
    with Stream(server, "/stream/stage") as stream:
        assert secret not in stream.next()["data"]
    assert secret not in server.client.get("/").text


def test_events_begin_with_a_snapshot_and_then_tell_each_event_once(server: Server) -> None:
    with Stream(server, "/events") as stream:
        assert stream.response.headers["connection"] == "close", "it ends with its connection"
        assert "transfer-encoding" not in stream.response.headers
        first = stream.next()
        assert first["event"] == "snapshot"
        seq = json.loads(first["data"])["seq"]
        for number in (2, 3, 2, 4):
            server.client.post(f"/goto/{number}")
        seen = [json.loads(stream.next()["data"]) for _ in range(4)]
        assert [entry["seq"] for entry in seen] == list(range(seq + 1, seq + 5))
        assert [entry["event"]["number"] for entry in seen] == [2, 3, 2, 4]


def test_events_resume_without_a_gap_behind_the_last_id(server: Server) -> None:
    epoch, seq = server.state()["epoch"], server.state()["seq"]
    server.client.post("/goto/3")
    server.client.post("/goto/2")
    with Stream(server, "/events", {"Last-Event-ID": f"{epoch}-{seq}"}) as stream:
        first, second = stream.next(), stream.next()
        assert [first["id"], second["id"]] == [f"{epoch}-{seq + 1}", f"{epoch}-{seq + 2}"]
    with Stream(server, "/events", {"Last-Event-ID": f"{epoch}-0"}) as stream:
        assert json.loads(stream.next()["data"])["event"]["type"] == "ShowOpened"


@pytest.mark.parametrize("last", ["", "0", "ffffffff-1", "{epoch}-x", "{epoch}-999999", "{epoch}--1", "{epoch}-²"])
def test_an_id_of_another_show_gets_a_snapshot(server: Server, last: str) -> None:
    headers = {"Last-Event-ID": last.format(epoch=server.state()["epoch"]).encode("latin-1")}
    with Stream(server, "/events", headers) as stream:  # type: ignore[arg-type]
        assert stream.next()["event"] == "snapshot"


def test_a_stream_asked_for_by_another_site_is_refused(server: Server) -> None:
    problem(server.client.get("/events", headers={"sec-fetch-site": "cross-site"}), 403, "origin")


def test_fifty_simultaneous_taps_make_one_step(server: Server) -> None:

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: fetch.post(f"{server.url}/advance?from=1").status_code, range(50)))
    assert sorted(set(answers)) == [200, 409]
    assert answers.count(200) == 1
    assert server.state()["chapter"]["number"] == 2


def test_the_end_of_the_server_ends_every_stream_at_once() -> None:
    with serving("none") as server:
        streams = [Stream(server, "/stream/stage") for _ in range(30)]
        programs = [Stream(server, "/events") for _ in range(5)]
        for stream in (*streams, *programs):
            stream.next()
        assert wait_for(lambda: server.state()["viewers"]["stage"] == 30)

        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 5
        for stream in (*streams, *programs):
            stream.close()
        assert "Traceback" not in server.output
