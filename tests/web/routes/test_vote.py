"""The audience votes over HTTP: one vote a device, from pages of this server alone, and never a way to control."""

import secrets
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from demo.ballots.vote_file import SUFFIX
from demo.web.access.rate_limit import GuessLimiter
from demo.web.routes.device_cookie import COOKIE
from demo.web.routes.fields import VoteFields
from demo.web.routes.vote import VOTES_AT_ONCE, VOTES_PER_SEC, VOTES_TOTAL_PER_SEC, DirectVotes, VoteRoute
from tests.support import fetch
from tests.support.raw_http import ask
from tests.support.servers import Server, Stream, serving

SHOW = str(Path(__file__).parents[2] / "support" / "voting_show.md")


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with serving(SHOW) as server:
        yield server


@pytest.fixture
def server(running: Server) -> Server:
    """A server whose first vote has just begun."""
    running.client.cookies.clear()
    running.client.post("/goto/2")
    # Always: votes that the last test has cast may not be counted yet.
    running.client.post("/vote/close")
    assert running.client.post("/vote/open").status_code == 200
    return running


def ballot(server: Server) -> dict[str, Any]:
    """The vote on the second chapter."""
    found: dict[str, Any] = next(one for one in server.state()["ballots"] if one["chapter"] == 2)
    return found


def counted(server: Server, *votes: int) -> None:
    def is_so(state: dict[str, Any]) -> bool:
        one = next(one for one in state["ballots"] if one["chapter"] == 2)
        return [answer["votes"] for answer in one["tally"]] == list(votes)

    server.until(is_so)


def vote(server: Server, **fields: Any) -> httpx.Response:
    """A vote of another device each time, unless `device` is given."""
    return fetch.post(f"{server.url}/vote", json={"device": secrets.token_hex(16)} | fields)


def test_a_vote_is_answered_counted_and_shown(server: Server) -> None:
    answer = vote(server, choice=2)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"ballot": ballot(server)["id"], "answer": "Нет & <i>нет</i>", "durable": True}
    vote(server, choice=3)
    counted(server, 0, 1, 1)
    page = server.client.get("/").text
    assert "Нет &amp; &lt;i&gt;нет&lt;/i&gt;" in page
    assert "<i>нет</i>" not in page
    assert "Will a request &lt;b&gt;fail&lt;/b&gt;?" in page


def test_a_device_has_one_vote_which_it_may_change_and_send_twice(server: Server) -> None:
    assert server.client.post("/vote", json={"choice": 1}).status_code == 200
    cookie = server.client.cookies[COOKIE]
    for choice in (1, 3, 3):
        assert server.client.post("/vote", data={"choice": str(choice)}).status_code == 200
    counted(server, 0, 0, 1)
    assert server.client.cookies[COOKIE] == cookie


def test_without_cookies_the_id_of_the_page_stands_for_the_device(server: Server) -> None:
    device = secrets.token_hex(16)
    for choice in (1, 2):
        assert vote(server, choice=choice, device=device).cookies[COOKIE] == device
    counted(server, 0, 1, 0)


def test_the_cookie_of_a_device_goes_nowhere_and_no_script_reads_it(server: Server) -> None:
    header = vote(server, choice=1).headers["set-cookie"]
    assert all(part in header for part in ("HttpOnly", "SameSite=strict", "Path=/"))


def test_a_forged_cookie_is_just_another_device(server: Server) -> None:
    for forged in ("0" * 32, "x", "' OR 1=1 --", "f" * 4000, secrets.token_hex(16)):
        answer = fetch.post(f"{server.url}/vote", json={"choice": 1}, headers={"cookie": f"{COOKIE}={forged}"})
        assert answer.status_code == 200, answer.text
    counted(server, 5, 0, 0)


def test_a_form_without_a_script_comes_back_to_the_page(server: Server) -> None:
    answer = server.client.post("/vote", data={"choice": "1"}, headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "./")
    server.client.post("/vote/close")
    answer = server.client.post("/vote", data={"choice": "1"}, headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "./"), "which says that it is closed"


def test_a_hall_behind_one_address_may_vote_at_once_and_ten_thousand_addresses_are_bounded_together() -> None:
    now = 0.0
    limit = GuessLimiter(VOTES_AT_ONCE, VOTES_PER_SEC, VOTES_TOTAL_PER_SEC, clock=lambda: now)
    passed = 0
    for _ in range(2):
        passed += sum(limit.delay_sec("192.0.2.1") == 0 for _ in range(5000))
        now += 1.0
    assert passed == 2 * VOTES_TOTAL_PER_SEC >= 5000, "all of a hall, within two seconds"
    now += 60.0
    flood = [f"10.{number >> 8}.{number & 255}.1" for number in range(10_000)]
    assert sum(limit.delay_sec(address) == 0 for address in flood) == VOTES_TOTAL_PER_SEC


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "http://127.0.0.1"},
    ],
)
def test_a_page_of_another_site_cannot_vote(server: Server, headers: dict[str, str]) -> None:
    answer = fetch.post(f"{server.url}/vote", data={"choice": "1"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "origin")
    assert ballot(server)["votes"] == 0


def test_a_wrong_host_cannot_vote(server: Server) -> None:
    assert fetch.post(f"{server.url}/vote", json={"choice": 1}, headers={"host": "evil.example"}).status_code == 421


def test_through_an_unnamed_proxy_one_may_vote_and_nothing_else(server: Server) -> None:
    proxied = {"x-forwarded-for": "203.0.113.7", "via": "1.1 somebody"}
    fetched = {"sec-fetch-site": "same-origin", "origin": "https://elsewhere.example", **proxied}
    for headers in (proxied, fetched):
        answer = fetch.post(f"{server.url}/vote", json={"choice": 1}, headers=headers)
        assert answer.status_code == 200, answer.text
        for path in ("/vote/open", "/vote/close", "/advance", "/halt", "/say"):
            refused = fetch.post(f"{server.url}{path}", headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (403, "proxied"), path
    counted(server, 2, 0, 0)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"choice": 0}, 422),
        ({"choice": 4}, 422),
        ({"choice": "Ja"}, 422),
        ({"choice": [1]}, 422),
        ({"choice": 1.5}, 422),
        ({"choice": True}, 422),
        ({"number": 1}, 422),
        ({"choice": 1, "device": "x"}, 422),
        ({"choice": 1, "chioce": 2}, 422),
        ({"choice": 1, "ballot": 1}, 409),
        ({"choice": 1, "ballot": -1}, 409),
    ],
)
def test_what_is_no_vote_counts_nothing(server: Server, body: dict[str, Any], status: int) -> None:
    answer = fetch.post(f"{server.url}/vote", json=body)
    assert answer.status_code == status, answer.text
    assert ballot(server)["votes"] == 0


def test_a_large_body_is_not_read(server: Server) -> None:
    answer = fetch.post(f"{server.url}/vote", data={"choice": "1", "device": "0" * 2000})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    head = "POST /vote HTTP/1.1\r\nHost: {}\r\nContent-Length: 999999999\r\n\r\n"
    assert ask(server.port, head.format(f"127.0.0.1:{server.port}").encode()).status == 413


def test_a_closed_vote_takes_nothing_not_even_one_that_is_sent_again(server: Server) -> None:
    device, ident = secrets.token_hex(16), ballot(server)["id"]
    assert vote(server, choice=1, ballot=ident, device=device).status_code == 200
    assert server.client.post("/vote/close").status_code == 200
    for body in ({"ballot": ident}, {}):
        answer = vote(server, choice=2, device=device, **body)
        assert (answer.status_code, answer.json()["code"]) == (409, "closed")
    counted(server, 1, 0, 0)
    assert server.client.post("/vote/close").status_code == 409
    opened = server.client.post("/vote/open").json()["ballots"][-1]
    assert (opened["state"], opened["votes"], opened["id"] > ident) == ("open", 0, True)
    assert vote(server, choice=2, ballot=ident).status_code == 409, "it is another vote"


def test_a_hidden_tally_is_told_to_nobody_before_it_is_closed(server: Server) -> None:
    server.client.post("/goto/3")
    server.client.post("/vote/open")
    for number in ("1.5", "2,5", "2.5"):
        assert vote(server, number=number).status_code == 200
    state = server.until(lambda state: state["ballots"][-1]["votes"] == 3)
    assert state["ballots"][-1]["tally"] is not None, "the presenter may know"
    proxied = {"via": "1.1 somebody"}
    told = fetch.get(f"{server.url}/state", headers=proxied).json()["ballots"][-1]
    assert (told["votes"], told["tally"]) == (3, None)
    page = server.client.get("/").text
    assert "median" not in page
    with Stream(server, "/stream/stage") as stream:
        assert "median" not in stream.next()["data"]
    server.client.post("/vote/close")
    assert fetch.get(f"{server.url}/state", headers=proxied).json()["ballots"][-1]["tally"] == [
        {"answer": "1.5 s", "votes": 1, "percent": 33},
        {"answer": "2.5 s", "votes": 2, "percent": 67},
    ]
    assert "median 2.5 s" in server.client.get("/").text


def test_votes_that_were_answered_outlive_kill_9(tmp_path: Path) -> None:
    journal = ["--journal", str(tmp_path / "show.journal")]
    devices = [secrets.token_hex(16) for _ in range(8)]
    with serving(SHOW, *journal) as first:
        first.client.post("/goto/2")
        answers = [vote(first, choice=1, device=device) for device in devices]
        assert all(answer.json()["durable"] for answer in answers)
        first.kill_with_watchdog()
    with serving(SHOW, *journal) as second:
        counted(second, 8, 0, 0)
        vote(second, choice=2, device=devices[0])
        counted(second, 7, 1, 0)
        second.client.post("/vote/close")
        second.until(lambda state: any("62" in line["text"] or "votes)" in line["text"] for line in state["log"]))
        second.process.send_signal(signal.SIGTERM)
        second.process.wait()
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir() if SUFFIX in file.name)
    assert not any(device.encode() in content for device in devices)


class StubVoting(VoteRoute):
    """Answers every vote that could be read with its fields."""

    def __init__(self) -> None:
        pass

    async def answer(self, request: Request, fields: VoteFields) -> Response:
        return Response(repr((fields.choice, fields.ballot)))


def test_a_form_without_its_boundary_is_refused(server: Server) -> None:
    headers = {"content-type": "multipart/form-data"}
    assert fetch.post(f"{server.url}/vote", content=b"choice=1", headers=headers).status_code in (400, 422)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("method", "path", "body", "answered"),
    [
        ("POST", "/vote", b'{"choice": 2}', "(2, None)"),
        ("POST", "/vote?ballot=3", b'{"choice": 2}', "(2, 3)"),
        ("POST", "/vote", b'{"choic": 2}', 'POST /vote {"choic": 2}'),
        ("POST", "/vote", b"{", "POST /vote {"),
        ("GET", "/vote", b"", "GET /vote "),
        ("POST", "/vote/close", b"{}", "POST /vote/close {}"),
    ],
)
async def test_a_vote_that_can_be_read_does_not_go_by_the_routes(
    method: str, path: str, body: bytes, answered: str
) -> None:
    async def routes(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        text = f"{request.method} {request.url.path} {(await request.body()).decode()}"
        await Response(text)(scope, receive, send)

    transport = httpx.ASGITransport(DirectVotes(routes, StubVoting()))
    async with httpx.AsyncClient(transport=transport, base_url="http://show") as client:
        headers = {"content-type": "application/json"}
        assert (await client.request(method, path, content=body, headers=headers)).text == answered
