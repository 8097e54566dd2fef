"""A relay speaks the language of the show that it shows, and English while it has none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.relays import RedisServer, ident_of, redis_server, relaying
from tests.support.servers import serving, wait_for


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server() as found:
        yield found


def test_a_relay_speaks_the_language_of_its_show(redis: RedisServer, tmp_path: Path) -> None:
    path = tmp_path / "show.md"
    path.write_text("---\nlanguage: de\n---\n\n# Titulus\n\n---\n\n```yaml\nhypothesis: Nihil cadit\n```\n# Secundum\n")
    with relaying(redis.url) as relay:
        assert "The show has not begun" in relay.client.get("/").text
        with serving(str(path), "--redis", redis.url) as stage:
            stage.client.post("/advance")
            wait_for(lambda: relay.has(ident_of(stage.state())))
            own, relayed = (server.client.get("/").text for server in (stage, relay))
            for page in (own, relayed):
                assert '<html lang="de"' in page
                assert "Vorhersage</p>" in page
                assert "<h2>Tasten auf dieser Seite</h2>" in page
                assert "data-texts=" in page
                builds = [part.partition('"')[0] for part in page.split('data-build="')[1:]]
                assert len(builds) == 2
                assert builds[0] == builds[1], "or pages would load themselves again and again"
                assert builds[0].endswith("-de")
            missing = relay.client.get("/nowhere", headers={"accept": "text/html"})
            assert "Diese Seite gibt es hier nicht" in missing.text
        wait_for(lambda: "nicht live: kein Kontakt zur Show · seit" in relay.client.get("/").text)
