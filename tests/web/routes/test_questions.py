"""Questions from the room over HTTP: off unless asked for, for the presenter only, and harmless whatever they hold."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.questions.question_box import EVERY_SEC, MAX_OPEN_OF_DEVICE
from demo.show.commands import MAX_SAY
from demo.web.access.rate_limit import GuessLimiter
from demo.web.access.request_body import MAX_ASK
from demo.web.routes.device_cookie import COOKIE
from demo.web.routes.questions import QUESTIONS_AT_ONCE, QUESTIONS_PER_SEC, QUESTIONS_TOTAL_PER_SEC
from demo.web.security_headers import SECURITY_HEADERS
from tests.support import fetch
from tests.support.paired_devices import OPEN, OpenServer
from tests.support.servers import Server, Stream, serving, wait_for


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with serving("none", "--questions") as server:
        yield server


@pytest.fixture
def server(running: Server) -> Server:
    """A server without open questions."""
    running.client.cookies.clear()
    for ident in open_questions(running):
        assert running.client.post(f"/questions/{ident}/dismiss").status_code == 200
    running.client.post("/say", data={"text": ""})
    return running


def ask(server: Server, text: str, **fields: Any) -> httpx.Response:
    """Ask from another device each time, unless `device` is given."""
    return fetch.post(f"{server.url}/ask", json={"text": text, "device": secrets.token_hex(16)} | fields)


def listed(server: Server) -> str:
    """What the presenter's page has of questions."""
    page: str = server.client.get("/presenter").text
    return page.partition('id="r-questions"')[2].partition("</aside>")[0]


def open_questions(server: Server) -> list[int]:
    parts = listed(server).split('<li id="question-')[1:]
    return [int(part.partition('"')[0]) for part in parts]


def test_a_question_goes_to_the_presenters_page_and_nowhere_else(server: Server) -> None:
    with Stream(server, "/stream/presenter") as own, Stream(server, "/stream/stage") as stage:
        # Who watches is counted by then: nothing but the question changes the page.
        server.until(lambda state: (state["viewers"]["presenter"], state["viewers"]["stage"]) == (1, 1))
        stage.next()
        answer = ask(server, "Why is it\nso fast?")
        assert answer.json() == {"text": "Why is it so fast?", "durable": True}
        # Before it there may be the whole page, and one message for each of the two that came to watch.
        assert any("Why is it so fast?" in own.next()["data"] for _ in range(4))
        server.client.post("/blackout?on=true")
        assert "so fast" not in stage.next()["data"]
        server.client.post("/blackout?on=false")
    assert "Why is it so fast?" in listed(server)
    assert "Questions <span>1</span>" in server.client.get("/presenter").text
    for path in ("/", "/remote", "/state", "/metrics", "/print"):
        assert "so fast" not in server.client.get(path).text, path
    with Stream(server, "/events") as events:
        assert "so fast" not in events.next()["data"]


def test_the_newest_comes_last_and_the_others_stay_where_they_are(server: Server) -> None:
    for number in range(4):
        ask(server, f"Number {number}?")
        page = listed(server)
        assert f"Number {number}?" in page, "at once, whatever page was rendered a moment ago"
    assert [page.index(f"Number {number}?") for number in range(4)] == sorted(
        page.index(f"Number {number}?") for number in range(4)
    )
    assert open_questions(server) == sorted(open_questions(server))


def test_what_is_shown_stands_on_every_screen_and_is_open_no_more(server: Server) -> None:
    ask(server, "Is <b>this</b> real?")
    ident = open_questions(server)[-1]
    before = server.state()["seq"]
    answer = server.client.post(f"/questions/{ident}/show")
    assert answer.status_code == 200
    assert answer.json()["said"] == "Is <b>this</b> real?"
    stage = server.client.get("/").text
    assert '<b class="asked">Question from the room</b>Is &lt;b&gt;this&lt;/b&gt; real?' in stage
    assert open_questions(server) == []
    with Stream(server, "/events", {"last-event-id": f"{server.state()['epoch']}-{before}"}) as events:
        event = json.loads(events.next()["data"])["event"]
        assert event == {"type": "QuestionShown", "text": "Is <b>this</b> real?"}
    server.client.post("/say", data={"text": "a line of the presenter"})
    assert "Question from the room" not in server.client.get("/").text
    assert server.client.post(f"/questions/{ident}/show").status_code == 404


def test_what_is_dismissed_is_seen_by_nobody(server: Server) -> None:
    ask(server, "Never seen?")
    before = server.state()["seq"]
    (ident,) = open_questions(server)
    assert server.client.post(f"/questions/{ident}/dismiss", headers={"hx-request": "true"}).status_code == 204
    assert open_questions(server) == []
    assert server.state()["seq"] == before, "the show knows nothing of it"
    for path in (f"/questions/{ident}/dismiss", "/questions/0/show", "/questions/x/show", "/questions/9999999999/show"):
        assert server.client.post(path).json()["code"] == "not_found", path


HOSTILE = {
    "markup": ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
    "attribute": ("\" onclick='x'", "&#34; onclick=&#39;x&#39;"),
    "terminal": ("\x1b[31mred\x1b]0;title\x07\x9b0m", "[31mred]0;title0m"),
    "direction": ("\u202egnp.exe\u2066x\u2069 \u202bאב\u202c", "gnp.exex אב"),
    "lines": ("one\r\ntwo\u2028three\x00\tfour", "one two three four"),
    "emoji": ("👩🏽‍💻🏳️‍🌈 ok?", "👩🏽‍💻🏳️‍🌈 ok?"),
    "template": ("{{ 7 * 7 }} ${jndi} %s", "{{ 7 * 7 }} ${jndi} %s"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_shown_as_text(server: Server, name: str) -> None:
    sent, shown = HOSTILE[name]
    assert ask(server, sent).status_code == 200
    assert f'<p dir="auto">{shown}</p>' in listed(server)
    (ident,) = open_questions(server)
    assert server.client.post(f"/questions/{ident}/show").status_code == 200
    assert f"</b>{shown}</p>" in server.client.get("/").text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"text": ""}, 422),
        ({"text": " \n\u202e\x1b "}, 422),
        ({"text": 7}, 422),
        ({"text": "\ud800"}, 422),
        ({"text": "x" * (MAX_SAY + 1)}, 422),
        ({"text": "x?", "device": "x"}, 422),
        ({"text": "x?", "txet": "y"}, 422),
        ({"text": "x" * 10_240}, 413),
    ],
)
def test_what_is_no_question_is_refused(server: Server, body: dict[str, Any], status: int) -> None:
    answer = fetch.post(f"{server.url}/ask", content=json.dumps(body), headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text
    assert open_questions(server) == []


def test_the_longest_question_fits_however_it_is_encoded(server: Server) -> None:
    text = "🙂" * MAX_SAY
    escaped = json.dumps({"text": text, "device": secrets.token_hex(16)})
    assert len(escaped) < MAX_ASK
    answer = fetch.post(f"{server.url}/ask", content=escaped, headers={"content-type": "application/json"})
    assert answer.json()["text"] == text
    assert fetch.post(f"{server.url}/ask", data={"text": text}).status_code == 200
    plain = {"content-type": "text/plain; charset=utf-8"}
    assert fetch.post(f"{server.url}/ask", content=text.encode(), headers=plain).status_code == 200


def test_a_device_is_slowed_down_by_its_cookie_and_by_its_page(server: Server) -> None:
    first = server.client.post("/ask", data={"text": "One?"})
    device = first.cookies[COOKIE]
    for answer in (server.client.post("/ask", data={"text": "Two?"}), ask(server, "Two?", device=device)):
        assert (answer.status_code, answer.json()["code"]) == (429, "slow_down")
        assert 0 < int(answer.headers["retry-after"]) <= EVERY_SEC
    assert server.client.post("/ask", data={"text": "One?"}).status_code == 200, "sent again, it is the same one"
    assert len(open_questions(server)) == 1
    assert MAX_OPEN_OF_DEVICE > 1


def test_a_hall_behind_one_address_may_ask_at_once_and_a_flood_is_bounded() -> None:
    now = 0.0
    limit = GuessLimiter(QUESTIONS_AT_ONCE, QUESTIONS_PER_SEC, QUESTIONS_TOTAL_PER_SEC, clock=lambda: now)
    assert sum(limit.delay_sec("192.0.2.1") == 0 for _ in range(1000)) == QUESTIONS_AT_ONCE
    now = 1.0
    assert sum(limit.delay_sec("192.0.2.1") == 0 for _ in range(1000)) == QUESTIONS_PER_SEC
    now = 60.0
    flood = [f"10.0.{number >> 8}.{number & 255}" for number in range(1000)]
    assert sum(limit.delay_sec(address) == 0 for address in flood) == QUESTIONS_TOTAL_PER_SEC


def test_a_form_without_a_script_comes_back_to_the_page(server: Server) -> None:
    page = server.client.get("/")
    assert '<form method="post" action="ask"' in page.text
    assert page.headers["content-security-policy"] == SECURITY_HEADERS["content-security-policy"]
    answer = server.client.post("/ask", data={"text": "Without?"}, headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "./")
    assert "Without?" in listed(server)


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}])
def test_a_page_of_another_site_cannot_ask(server: Server, headers: dict[str, str]) -> None:
    answer = fetch.post(f"{server.url}/ask", data={"text": "Forged?"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "origin")
    assert open_questions(server) == []


def test_through_an_unnamed_proxy_one_may_ask_and_show_nothing(server: Server) -> None:
    proxied = {"via": "1.1 somebody"}
    assert fetch.post(f"{server.url}/ask", data={"text": "Far away?"}, headers=proxied).status_code == 200
    (ident,) = open_questions(server)
    for what in ("show", "dismiss"):
        refused = fetch.post(f"{server.url}/questions/{ident}/{what}", headers=proxied)
        assert (refused.status_code, refused.json()["code"]) == (403, "proxied")


def test_the_audience_asks_and_only_the_presenter_shows() -> None:
    with serving("none", "--questions", *OPEN) as started:
        opened = OpenServer(started)
        assert fetch.post(f"{opened.here}/ask", data={"text": "Who are you?"}).status_code == 200
        for what in ("show", "dismiss"):
            assert fetch.post(f"{opened.here}/questions/1/{what}").status_code == 401
        assert "Who are you?" not in fetch.get(f"{opened.here}/").text
        assert fetch.post(f"{opened.here}/questions/1/show", headers=opened.bearer).status_code == 200
        assert "Who are you?" in fetch.get(f"{opened.here}/").text


def test_without_the_option_nobody_can_ask_and_the_answer_says_how() -> None:
    with serving("none") as server:
        for answer in (ask(server, "Anybody?"), server.client.post("/ask"), server.client.post("/questions/1/show")):
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
            assert "--questions" in answer.json()["detail"]
        for path in ("/", "/presenter"):
            assert "uestion" not in server.client.get(path).text


def test_questions_outlive_kill_9_and_go_with_the_show(tmp_path: Path) -> None:
    options = ["--questions", "--journal", str(tmp_path / "show.journal")]
    with serving("none", *options) as first:
        assert ask(first, "Still there?").json()["durable"]
        first.kill_with_watchdog()
    with serving("none", *options) as second:
        wait_for(lambda: "Still there?" in listed(second) or None)
    with serving("none", *options, "--fresh") as third:
        assert ask(third, "A new show?").status_code == 200
        assert "Still there?" not in listed(third)
