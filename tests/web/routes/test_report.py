"""`/report`: what happened until now in the show that runs, for the presenter alone."""

import re
from collections.abc import Iterator

import pytest

from tests.support import fetch
from tests.support.paired_devices import OPEN, OpenServer
from tests.support.servers import Server, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving("none") as found:
        yield found


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html.partition("<body>")[2]).split())


def test_it_tells_what_has_happened_until_now(server: Server) -> None:
    before = words(server.client.get("/report").text)
    assert "One show, many screens" in before
    assert "End still running" in before
    assert "Nothing was broken in this show." in before
    server.client.post("/advance")
    server.client.post("/halt")
    after = words(server.client.get("/report").text)
    assert "Halted by http not resumed" in after
    server.client.post("/resume")
    assert "Open the projector page" not in after, "a note"


def test_its_policy_allows_its_own_style_and_nothing_else(server: Server) -> None:
    answer = server.client.get("/report")
    policy = answer.headers["content-security-policy"]
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/]+='; font-src data:; img-src data:; "
        r"base-uri 'none'; frame-ancestors 'none'",
        policy,
    )
    assert answer.headers["content-type"].startswith("text/html")
    head = server.client.head("/report")
    assert (head.status_code, head.content) == (200, b"")
    assert server.client.get("/report?notes=1").status_code == 422


def test_the_presenters_page_links_to_it_on_the_last_chapter_only(server: Server) -> None:
    link = 'href="report"'
    server.client.post("/goto/1")
    assert link not in server.client.get("/presenter").text
    server.client.post("/goto/5")
    assert link in server.client.get("/presenter").text
    assert link not in server.client.get("/").text


def test_it_is_the_presenters_alone() -> None:
    with serving("none", *OPEN) as server:
        opened = OpenServer(server)
        refused = server.client.get("/report", headers={"accept": "text/html"})
        assert (refused.status_code, refused.headers["location"]) == (303, "pair")
        answer = fetch.get(f"{opened.here}/report", headers=opened.bearer)
        assert "One show, many screens" in answer.text
