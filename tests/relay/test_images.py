"""Images of a deck on relays: through Redis once, from memory after that, and none that the show has not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.errors import FeedError
from demo.narration import make_image
from demo.relay.images import RelayImages
from tests.support.content_deck import ACTIVE_SVG, ADDRESSES, LARGE, write_deck
from tests.support.pictures import png
from tests.support.relays import RedisServer, ident_of, redis_server, relaying
from tests.support.servers import serving, wait_for


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server() as found:
        yield found


def hget_calls(redis: RedisServer) -> int:
    found = redis.client.info("commandstats").get("cmdstat_hget", {})
    return int(found.get("calls", 0))


def test_a_relay_has_the_images_of_its_show_also_without_the_show_and_without_redis(
    redis: RedisServer, tmp_path: Path
) -> None:
    with relaying(redis.url) as relay:
        with serving(str(write_deck(tmp_path)), "--redis", redis.url) as stage:
            wait_for(lambda: relay.has(ident_of(stage.state())))
            assert f'data-image="{ADDRESSES[0]}"' in relay.client.get("/").text
            answers = [relay.client.get(f"/{ADDRESSES[0]}") for _ in range(5)]
            assert {(answer.status_code, answer.content) for answer in answers} == {(200, ACTIVE_SVG)}
            assert answers[0].headers["content-security-policy"].startswith("sandbox")
            assert hget_calls(redis) == 1
            assert relay.client.get(f"/{ADDRESSES[1]}").status_code == 404, "no step has shown it yet"
            assert hget_calls(redis) == 1
            stage.client.post("/advance")
            wait_for(lambda: relay.has(ident_of(stage.state())))
            assert relay.client.get(f"/{ADDRESSES[1]}").content == LARGE
            # A Redis that has lost everything gets it again.
            redis.client.flushall()
            wait_for(lambda: redis.client.hlen("chaos-stage:default:images") == 2)
        redis.kill()
        assert relay.client.get(f"/{ADDRESSES[0]}").content == ACTIVE_SVG
        redis.start()


class Shelf:
    """A store that counts what it is asked for."""

    def __init__(self, images: dict[str, bytes | Exception | None]) -> None:
        self.images = images
        self.asked: list[str] = []

    async def image(self, name: str) -> bytes | None:
        self.asked.append(name)
        found = self.images.get(name)
        if isinstance(found, Exception):
            raise found
        return found


@pytest.mark.anyio
async def test_what_is_in_redis_under_the_name_of_another_image_is_refused_and_told_once() -> None:
    image, other = make_image(png(3, 2)), make_image(png(4, 2))
    said: list[str] = []
    shelf = Shelf({image.name: other.body})
    images = RelayImages(shelf, said.append)
    assert await images.find(image.name) is None
    assert shelf.asked == [], "the show does not name it"
    images.expect([f'<img data-image="{image.address}">'.encode()])
    assert await images.find(image.name) is None
    assert await images.find(image.name) is None
    assert len(said) == 1
    assert "is another one" in said[0]
    shelf.images[image.name] = FeedError("Redis does not answer")
    assert await images.find(image.name) is None
    assert said[1:] == ["an image of the show cannot be had: Redis does not answer"]
    shelf.images[image.name] = image.body
    assert await images.find(image.name) == image
    asked = len(shelf.asked)
    images.expect([b"<p>no image</p>"])
    assert await images.find(image.name) == image, "a page of before may still ask for it"
    assert len(shelf.asked) == asked


@pytest.mark.anyio
async def test_images_that_are_no_longer_shown_are_given_up_when_there_are_too_many() -> None:
    old, new, newest = (make_image(png(10, number, bytes(9_000_000))) for number in (1, 2, 3))
    images = RelayImages(Shelf({image.name: image.body for image in (old, new, newest)}), print)
    for image in (old, new, newest):
        images.expect([f'"{image.address}"'.encode()])
        assert await images.find(image.name) == image
    assert await images.find(old.name) is None
    assert await images.find(new.name) == new
