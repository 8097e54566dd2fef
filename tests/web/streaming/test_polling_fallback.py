"""What a page gets that has no stream: pictures, trials, and one place among the viewers, whatever it left open."""

import time

import httpx
import pytest

from tests.support import fetch
from tests.support.raw_sse_client import RawSseClient
from tests.support.servers import Server, wait_for

PAGE = "0123456789abcdef"
NAMED = f"X-Demo-Page: {PAGE}\r\n"


def picture(server: Server, view: str = "stage", page: str = PAGE) -> httpx.Response:
    return fetch.get(f"{server.url}/stream/{view}?picture=1", headers={"X-Demo-Page": page})


def watching(server: Server, count: int) -> None:
    server.until(lambda state: state["viewers"]["stage"] == count)


@pytest.mark.parametrize(("view", "region"), [("stage", "r-top"), ("presenter", "r-bar"), ("remote", "r-head")])
def test_a_picture_is_a_whole_answer_that_says_when_to_ask_again(server: Server, view: str, region: str) -> None:
    answer = picture(server, view)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.headers["cache-control"] == "no-store"
    assert region in answer.text
    assert "event: poll" in answer.text
    assert "every_sec" in answer.text


def test_a_page_that_lives_on_pictures_counts_as_one_viewer_until_it_asks_no_more(server: Server) -> None:
    watching(server, 0)
    for _ in range(3):
        picture(server)
    picture(server, page="not a name of a page")
    watching(server, 1)
    watching(server, 0)


def test_a_picture_ends_the_stream_that_its_page_could_not_read(server: Server) -> None:
    with RawSseClient(server.port, headers=NAMED) as held, RawSseClient(server.port) as other:
        held.until("r-top")
        other.until("r-top")
        watching(server, 2)
        picture(server)
        wait_for(lambda: not held.read())
        watching(server, 2)
        with RawSseClient(server.port, headers=NAMED) as again:
            again.until("r-top")
            watching(server, 2)
        watching(server, 1)


def test_a_page_has_one_stream(server: Server) -> None:
    with RawSseClient(server.port, headers=NAMED) as first:
        first.until("r-top")
        with RawSseClient(server.port, headers=NAMED) as second:
            second.until("r-top")
            wait_for(lambda: not first.read())
            watching(server, 1)


def test_a_trial_arrives_in_two_parts_and_leaves_nothing_behind(server: Server) -> None:
    with fetch.stream("GET", f"{server.url}/stream/stage?trial=1", headers={"X-Demo-Page": PAGE}) as answer:
        parts = answer.iter_raw()
        assert b"trial" in next(parts)
        first = time.monotonic()
        assert b"trial" in b"".join(parts)
        assert time.monotonic() - first > 0.5
    watching(server, 0)
