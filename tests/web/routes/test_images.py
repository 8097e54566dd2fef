"""The images of a deck over HTTP: for ever cacheable, of the right type, nothing runs, and nothing else is served."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.content_deck import ACTIVE_SVG, ADDRESSES, LARGE, write_deck
from tests.support.servers import Server, serving


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("deck")
    (folder / "secret.png").write_text("hidden words")
    with serving(str(write_deck(folder))) as found:
        yield found


@pytest.mark.parametrize(
    ("address", "body", "kind"), [(ADDRESSES[0], ACTIVE_SVG, "image/svg+xml"), (ADDRESSES[1], LARGE, "image/png")]
)
def test_an_image_may_be_kept_for_ever_and_nothing_in_it_runs(
    shown: Server, address: str, body: bytes, kind: str
) -> None:
    answer = shown.client.get(f"/{address}")
    assert answer.status_code == 200
    assert answer.content == body
    assert answer.headers["content-type"] == kind
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    head = shown.client.head(f"/{address}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(body))


@pytest.mark.parametrize(
    "path",
    [
        "/images/",
        "/images/active.svg",
        "/images/secret.png",
        "/images/../show.md",
        "/images/..%2fshow.md",
        "/images/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/images//etc/passwd",
        f"/{ADDRESSES[0]}/x",
        f"/{ADDRESSES[0].replace('640', '641')}",
        f"/{ADDRESSES[0]}%00",
    ],
)
def test_nothing_else_is_served(shown: Server, path: str) -> None:
    # As it stands: a client's own tidying of the path would hide it from the server.
    url = httpx.URL(shown.url).copy_with(raw_path=path.encode())
    answer = shown.client.get(url)
    assert answer.status_code in (400, 404)
    assert b"hidden words" not in answer.content
    assert b"Pictures" not in answer.content


def test_the_state_has_the_addresses_and_no_paths(shown: Server) -> None:
    shown.client.post("/goto/1")
    shown.client.post("/advance")
    chapter = shown.state()["chapter"]
    assert (chapter["step"], chapter["steps"]) == (2, 2)
    assert f"![Two parts]({ADDRESSES[0]})" in chapter["narration"]
    assert "active.svg" not in shown.client.get("/state").text
