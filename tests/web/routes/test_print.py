"""`/print`: the whole deck on paper, with everything that it declares; for the presenter alone."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.web.security_headers import SECURITY_HEADERS
from tests.support import fetch
from tests.support.content_deck import ADDRESSES, write_deck
from tests.support.crashes import free_port
from tests.support.lamp import LAMP
from tests.support.paired_devices import OPEN, OpenServer
from tests.support.servers import Server, serving

SHOW = Path(__file__).parents[2] / "support" / "printed_show.md"
MAX_BYTES = 12_000


@pytest.fixture(scope="module")
def deck(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("printed") / "show.md"
    path.write_text(SHOW.read_text().replace("PORT", str(free_port())))
    return str(path)


@pytest.fixture(scope="module")
def printed(deck: str) -> Iterator[Server]:
    with serving(deck) as server:
        yield server


def chapter(page: str, number: int) -> str:
    found = re.search(rf'<section class="chapter" id="chapter-{number}".*?</section>', page, re.DOTALL)
    assert found, page
    return found[0]


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_a_chapter_is_printed_with_all_that_it_declares(printed: Server) -> None:
    page = printed.client.get("/print").text
    first = chapter(page, 1)
    assert "1:30" in words(first)
    assert "<strong>is</strong>" in first
    assert "<table " in first
    assert words(first).index("Step 1") < words(first).index("Here is a table") < words(first).index("Step 2")
    assert 'class="dim"' not in first, "on paper no line of the code is shown before another"
    assert "Say hello to" in words(first)
    second = words(chapter(page, 2))
    assert "Prediction The store stays fast" in second
    assert "Confirmed if: store.latency is below 300ms and store is up, within 20s" in second
    assert "countdown: 3s Make it slow (fault: slow) wait: 5s, if store is up" in second
    assert re.search(r"The &lt;b&gt;store&lt;/b&gt; is slow slow \S.* for 15 s", second)
    assert "Notes" not in second, "it has none"
    assert "Is it &lt;b&gt;true&lt;/b&gt;? Yes No" in words(chapter(page, 3))


def test_the_first_page_has_the_deck_its_chapters_and_its_faults(printed: Server) -> None:
    title = words(printed.client.get("/print").text.partition('<section class="chapter"')[0])
    assert "Paper &amp; &lt;i&gt;ink&lt;/i&gt;" in title
    for part in ("what a deck declares", "3 chapters", "1:30 planned", "for 15 s"):
        assert part in title
    assert title.index("The beginning") < title.index("The prediction") < title.index("Last")


@pytest.mark.parametrize("off", ["0", "false"])
def test_the_notes_can_be_left_out(printed: Server, off: str) -> None:
    page = printed.client.get(f"/print?notes={off}").text
    assert "Thank the room" not in page
    assert "hello" not in page
    assert "The store stays fast" in page
    assert "Thank the room" in printed.client.get("/print?notes=1").text
    refused = printed.client.get("/print?notes=perhaps")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid")


def test_a_deck_cannot_write_into_the_page(printed: Server) -> None:
    page = printed.client.get("/print").text
    assert not re.search(r"<script|<i>ink|<b>true|<b>store", page)


def test_the_page_needs_no_script_no_stream_and_one_sheet(printed: Server) -> None:
    answer = printed.client.get("/print")
    assert answer.headers["content-security-policy"] == SECURITY_HEADERS["content-security-policy"]
    assert not re.search(r"hx-|style=|data-image|onload", answer.text)
    assert len(re.findall(r'rel="stylesheet"', answer.text)) == 1
    assert len(answer.content) < MAX_BYTES
    head = printed.client.head("/print")
    assert (head.status_code, head.content) == (200, b"")
    assert printed.client.post("/print").status_code == 405


def test_what_is_measured_and_where_the_show_is_change_nothing(printed: Server) -> None:
    before = printed.client.get("/print").text
    printed.client.post("/goto/3")
    printed.client.post("/say", content="hello", headers={"content-type": "text/plain"})
    assert printed.client.get("/print").text == before


def test_images_are_there_at_once(tmp_path: Path) -> None:
    with serving(str(write_deck(tmp_path))) as server:
        page = server.client.get("/print").text
        for address in ADDRESSES:
            assert f'src="{address}"' in page
            assert server.client.get(address).status_code == 200
        assert words(chapter(page, 2)).index("Left second") < words(chapter(page, 2)).index("Right.")


def test_it_has_the_language_and_the_direction_of_the_deck(tmp_path: Path) -> None:
    arabic = tmp_path / "show.md"
    arabic.write_text("---\ntitle: عرض\nlanguage: ar\n---\n\n# أول\n\nنص\n")
    with serving(str(arabic)) as server:
        assert '<html lang="ar" dir="rtl"' in server.client.get("/print").text


def test_a_deck_in_python_and_a_built_in_one_are_printed_too(tmp_path: Path) -> None:
    (tmp_path / "lamp.py").write_text(LAMP)
    with serving("lamp:Lamp", cwd=tmp_path) as server:
        assert "Put out the lamp dark the lamp until healed" in words(server.client.get("/print").text)
    with serving("none") as server:
        page = words(server.client.get("/print").text)
        assert "Good to see you" in page
        assert server.state()["chapter"]["notes"].split()[1] in page


def test_it_is_the_presenters_alone_with_notes_and_without(deck: str) -> None:
    with serving(deck, *OPEN) as started:
        opened = OpenServer(started)
        for path in ("/print", "/print?notes=0"):
            answer = fetch.get(f"{opened.here}{path}", headers={"accept": "text/html"})
            assert (answer.status_code, answer.headers["location"]) == (303, "pair")
            for method in ("GET", "HEAD"):
                answer = fetch.request(method, f"{opened.here}{path}")
                assert answer.status_code == 401
                assert "store" not in answer.text
            assert fetch.get(f"{opened.here}{path}", headers=opened.bearer).status_code == 200
