"""A page for a hall that comes at once: drawn once, packed once, and never an old picture."""

import gzip
import time

import pytest
from starlette.requests import Request

from demo.web.rendering.page_cache import KEPT_SEC, PageCache
from tests.support.servers import Server, serving

PICTURE = "<p>one picture</p>" * 40


class Pencil:
    def __init__(self) -> None:
        self.drawn = 0

    def __call__(self) -> str:
        self.drawn += 1
        return PICTURE


def asked(accept: str = "") -> Request:
    return Request({"type": "http", "headers": [(b"accept-encoding", accept.encode())]})


def test_whoever_asks_in_the_same_moment_gets_the_same_drawing_packed_or_not() -> None:
    drawer, pencil = PageCache(), Pencil()
    plain = drawer.answer(asked(), 1, pencil)
    small = [drawer.answer(asked("gzip"), 1, pencil) for _ in range(3)]
    assert pencil.drawn == 1
    assert plain.body == PICTURE.encode()
    assert small[0].body is small[2].body
    assert gzip.decompress(bytes(small[0].body)) == plain.body
    assert [answer.headers.get("content-encoding") for answer in (plain, small[0])] == [None, "gzip"]
    assert {answer.headers["vary"] for answer in (plain, *small)} == {"accept-encoding"}


def test_another_picture_is_drawn_at_once_and_the_same_one_after_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    drawer, pencil = PageCache(), Pencil()
    drawer.answer(asked(), 1, pencil)
    drawer.answer(asked(), 2, pencil)
    assert pencil.drawn == 2
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + KEPT_SEC * 1.1)
    drawer.answer(asked(), 2, pencil)
    assert pencil.drawn == 3


@pytest.mark.parametrize("path", ["/", "/presenter", "/remote"])
def test_a_page_that_is_loaded_behind_a_press_shows_it(path: str) -> None:
    with serving("none") as server:
        for number in range(2, 5):
            assert server.client.get(path).status_code == 200
            title = advance(server, number)
            assert title in server.client.get(path).text


def advance(server: Server, number: int) -> str:
    assert server.client.post("/advance").status_code == 200
    chapter = server.state()["chapter"]
    assert chapter["number"] == number
    return str(chapter["title"])
