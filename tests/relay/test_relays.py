"""Relays over sockets: the whole state at once, one id everywhere, no way to steer, and nothing of the presenter's."""

import signal
import ssl
import subprocess
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from demo.relay.feed import FeedMessage
from demo.relay.feed.redis_store import MAX_MESSAGES
from demo.web.access.rules import RULES, Rule
from tests.support import fetch
from tests.support.demo_command import run_demo
from tests.support.relays import (
    RedisServer,
    Relay,
    any_show,
    ident_of,
    next_visible_message,
    number_of,
    pausable_proxy,
    redis_server,
    relaying,
)
from tests.support.servers import Server, Stream, serving, wait_for
from tests.web.routes.test_contract import problem


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as found:
        yield found


class ShowWithRelays:
    """One show, two relays."""

    def __init__(self, redis: RedisServer, stack: ExitStack) -> None:
        self.show = any_show()
        self.stage: Server = stack.enter_context(serving("none", "--redis", redis.url, "--show", self.show))
        self.near: Relay = stack.enter_context(relaying(redis.url, "--show", self.show))
        self.far: Relay = stack.enter_context(relaying(redis.url, "--show", self.show))
        self.together()

    def together(self) -> str:
        """The ident that conductor and relays agree on, once they do."""

        def look() -> str | None:
            ident = ident_of(self.stage.state())
            return ident if self.near.has(ident) and self.far.has(ident) else None

        return wait_for(look)


@pytest.fixture(scope="module")
def running_relayed_show(redis: RedisServer) -> Iterator[ShowWithRelays]:
    with ExitStack() as stack:
        yield ShowWithRelays(redis, stack)


@pytest.fixture
def relayed_show(running_relayed_show: ShowWithRelays) -> ShowWithRelays:
    assert running_relayed_show.stage.client.post("/goto/1").status_code == 200
    running_relayed_show.together()
    return running_relayed_show


# What is shown.


def test_a_listener_that_comes_late_has_the_whole_view_at_once(relayed_show: ShowWithRelays) -> None:
    relayed_show.stage.client.post("/say", json={"text": "said before anybody came"})
    ident = relayed_show.together()
    with Stream(relayed_show.near, "/stream/stage") as stream:
        whole = next_visible_message(stream)
    assert whole["id"] == ident
    assert "said before anybody came" in whole["data"]
    assert "Good to see you" in whole["data"]


def test_a_relays_page_and_stream_are_packed_for_who_takes_that(relayed_show: ShowWithRelays) -> None:
    page = relayed_show.near.client.get("/")
    assert page.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in relayed_show.near.client.get("/", headers={"Accept-Encoding": "identity"}).headers
    with Stream(relayed_show.near, "/stream/stage?packed=1") as stream:
        assert stream.response.headers["content-encoding"] == "gzip"
        assert "Good to see you" in next_visible_message(stream)["data"]


def test_a_relay_that_comes_late_has_the_whole_state_at_once(relayed_show: ShowWithRelays, redis: RedisServer) -> None:
    relayed_show.stage.client.post("/goto/3")
    ident = relayed_show.together()
    with relaying(redis.url, "--show", relayed_show.show) as late:
        state = late.state()
        assert (ident_of(state), state["chapter"]["title"]) == (ident, "Many hands")
        assert "Many hands" in late.client.get("/").text
        assert "another version than" not in late.read_output()


def test_ids_and_regions_are_the_same_on_every_server(relayed_show: ShowWithRelays) -> None:
    with ExitStack() as stack:
        servers = (relayed_show.stage, relayed_show.near, relayed_show.far)
        streams = [stack.enter_context(Stream(server, "/stream/stage")) for server in servers]
        for stream in streams:
            next_visible_message(stream)
        for text in ("one", "two", "three"):
            relayed_show.stage.client.post("/say", json={"text": text})
            relayed_show.together()
            got = [next_visible_message(stream) for stream in streams]
            assert got[0]["id"] == got[1]["id"] == got[2]["id"]
            assert f'<p class="said" dir="auto">{text}</p>' in got[0]["data"]
            assert got[0]["data"] == got[1]["data"] == got[2]["data"]


def test_only_what_changed_is_sent_to_who_was_there(relayed_show: ShowWithRelays) -> None:
    with Stream(relayed_show.near, "/stream/stage") as stream:
        whole = next_visible_message(stream)
        relayed_show.stage.client.post("/say", json={"text": "a line"})
        part = next_visible_message(stream)
    assert "r-narration" in whole["data"]
    assert "r-narration" not in part["data"]
    assert "r-said" in part["data"]


def test_a_phone_that_moves_to_a_relay_that_lags_waits_for_what_it_has_seen(
    relayed_show: ShowWithRelays, redis: RedisServer
) -> None:
    with (
        pausable_proxy(redis.port) as slow,
        relaying(f"redis://127.0.0.1:{slow.port}", "--show", relayed_show.show) as lagging,
    ):
        before = relayed_show.together()
        wait_for(lambda: lagging.has(before))
        slow.pause()
        relayed_show.stage.client.post("/advance")
        with Stream(relayed_show.near, "/stream/stage") as stream:
            seen = next_visible_message(stream)["id"]
            while number_of(seen) <= number_of(before):  # a relay is a moment behind
                seen = next_visible_message(stream)["id"]
        assert lagging.has(before)
        with Stream(lagging, "/stream/stage", {"Last-Event-ID": seen}) as stream:
            slow.resume()
            arrived = next_visible_message(stream)
        assert number_of(arrived["id"]) >= number_of(seen)
        assert "One truth" in arrived["data"]


def test_the_beats_of_a_relay_tell_the_conductors_clock(relayed_show: ShowWithRelays) -> None:
    with Stream(relayed_show.near, "/stream/stage") as stream:
        message = stream.next()
        while message.get("event") != "beat":
            message = stream.next()
        told = float(message["data"].partition(":")[2].rstrip("}"))
    assert abs(told - time.time()) < 0.5


def test_the_timer_runs_on_in_a_relays_state(relayed_show: ShowWithRelays) -> None:
    relayed_show.stage.client.post("/timer/start")
    relayed_show.together()
    first = relayed_show.near.state()["timer"]["elapsed_sec"]
    wait_for(lambda: relayed_show.near.state()["timer"]["elapsed_sec"] > first + 0.3, 3)
    relayed_show.stage.client.post("/timer/pause")


# What is not there.


def test_a_relay_has_the_audiences_routes_and_no_other_and_describes_its_state(relayed_show: ShowWithRelays) -> None:
    described = relayed_show.near.client.get("/openapi.json").json()
    schema = {"$ref": "#/components/schemas/State", "components": described["components"]}
    jsonschema_rs.validate(schema, relayed_show.near.state())
    paths = described["paths"]
    assert set(paths) == {"/", "/state", "/healthz", "/stream/stage", "/vote"}
    assert {method for path, methods in paths.items() if path != "/vote" for method in methods} == {"get"}
    assert set(paths["/vote"]) == {"post"}
    for path in ("/", "/state", "/healthz", "/favicon.ico"):
        assert relayed_show.near.client.get(path).status_code == 200
        assert relayed_show.near.client.head(path).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"), sorted(key for key, rule in RULES.items() if key[0] == "POST" and rule is not Rule.PARTICIPATE)
)
@pytest.mark.parametrize("headers", [{}, {"X-Forwarded-For": "192.0.2.7"}, {"Origin": "https://elsewhere.example"}])
def test_nothing_can_be_steered_through_a_relay(
    relayed_show: ShowWithRelays, method: str, path: str, headers: dict[str, str]
) -> None:
    before = ident_of(relayed_show.stage.state())
    path = path.replace("{chapter}", "2").replace("{name}", "any").replace("{ident}", "0")
    problem(relayed_show.near.client.request(method, path, headers=headers), 404, "not_found")
    assert ident_of(relayed_show.stage.state()) == before


@pytest.mark.parametrize("path", ["/presenter", "/remote", "/pair", "/events", "/sessions", "/stream/presenter"])
def test_the_presenters_side_does_not_exist_on_a_relay(relayed_show: ShowWithRelays, path: str) -> None:
    problem(relayed_show.near.client.get(path), 404, "not_found")


@pytest.mark.parametrize("path", ["/", "/state", "/stream/stage"])
def test_what_is_read_cannot_be_posted_to(relayed_show: ShowWithRelays, path: str) -> None:
    answer = relayed_show.near.client.post(path)
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD"


def test_notes_never_get_into_redis(relayed_show: ShowWithRelays, redis: RedisServer) -> None:
    notes: set[str] = set()
    total = relayed_show.stage.state()["chapter"]["total"]
    for number in range(1, total + 1):
        chapter = relayed_show.stage.client.post(f"/goto/{number}").json()["chapter"]
        notes |= {line.strip("- `") for line in chapter["notes"].splitlines()}
        relayed_show.together()
        assert relayed_show.near.state()["chapter"]["notes"] == ""
        held = everything(redis)
        assert chapter["title"].encode() in held, "the picture itself is read"
        assert not [note for note in notes if note.encode() in held]
    assert len(notes) == 2 * total


def everything(redis: RedisServer) -> bytes:
    """All that lies in Redis, what is packed unpacked."""
    found: list[Any] = []
    for key in redis.client.scan_iter():
        kind = redis.client.type(key)
        if kind == b"stream":
            entries: Any = redis.client.xrange(key)
            for _, fields in entries:
                found += [*fields.keys(), *fields.values()]
                found += [zlib.decompress(fields[b"body"])] if b"body" in fields else []
        elif kind == b"set":
            found += list(redis.client.smembers(key))
        else:
            found.append(redis.client.get(key) or b"")
    return b"\n".join(found)


def test_what_a_show_leaves_in_redis_is_bounded_and_goes_away(relayed_show: ShowWithRelays, redis: RedisServer) -> None:
    for number in range(3 * MAX_MESSAGES):
        relayed_show.stage.client.post("/say", json={"text": f"line {number}"})
    relayed_show.together()
    assert redis.client.xlen(f"chaos-stage:{relayed_show.show}:pictures") <= MAX_MESSAGES
    wait_for(lambda: bool(redis.client.exists(f"chaos-stage:{relayed_show.show}:beats")))
    wait_for(
        lambda: all(redis.client.ttl(key) > 0 for key in redis.client.scan_iter(f"chaos-stage:{relayed_show.show}:*"))
    )


# Who is watching.


def test_viewers_add_up_over_relays_and_those_of_a_dead_one_are_gone(
    relayed_show: ShowWithRelays, redis: RedisServer
) -> None:
    def watching(count: int) -> bool:
        return bool(relayed_show.stage.state()["viewers"]["stage"] == count)

    with ExitStack() as stack:
        doomed = stack.enter_context(relaying(redis.url, "--show", relayed_show.show))
        for server, count in ((relayed_show.stage, 1), (relayed_show.near, 2), (doomed, 3)):
            for _ in range(count):
                next_visible_message(stack.enter_context(Stream(server, "/stream/stage")))
        wait_for(lambda: watching(6))
        with Stream(relayed_show.stage, "/stream/presenter") as presenter:
            assert ">6 watching, 0 phones<" in next_visible_message(presenter)["data"]
        doomed.kill()
        wait_for(lambda: watching(3))
    wait_for(lambda: watching(0))


# Who gets to Redis.


def test_a_password_in_the_url_is_used_and_never_printed() -> None:
    with redis_server(password="open-sesame") as redis, serving("none", "--redis", redis.url) as stage:
        with relaying(redis.url) as relay:
            wait_for(lambda: relay.has(ident_of(stage.state())))
            assert "open-sesame" not in relay.read_output()
        assert "open-sesame" not in stage.read_output()
        assert not [line for line in stage.state()["log"] if line["who"] == "relays"]


def test_a_wrong_password_is_said_and_keeps_no_show_from_starting() -> None:
    with redis_server(password="open-sesame") as redis:
        wrong = redis.url.replace("open-sesame", "let-me-in")
        with serving("none", "--redis", wrong) as stage, relaying(wrong) as relay:
            says = f"redis://127.0.0.1:{redis.port} refuses this password"
            wait_for(lambda: any(says in line["text"] for line in stage.state()["log"]))
            wait_for(lambda: says in relay.read_output() and says in stage.read_output())
            assert stage.client.post("/advance").status_code == 200
            assert "let-me-in" not in relay.read_output() + stage.read_output() + stage.client.get("/state").text
            problem(relay.client.get("/state"), 503, "no_show")
            assert "The show has not begun" in relay.client.get("/").text
            assert relay.client.get("/healthz").json()["live"] is False


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    place = tmp_path_factory.mktemp("tls")
    cert, key = place / "cert.pem", place / "key.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    make += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(make, check=True, capture_output=True)
    return cert, key


def test_redis_over_tls_by_its_url(certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    files = ("--tls-cert-file", str(cert), "--tls-key-file", str(key), "--tls-ca-cert-file", str(cert))
    options = (*files, "--tls-auth-clients", "no")
    with redis_server(*options, scheme="rediss", query=f"?ssl_ca_certs={cert}") as redis:
        with serving("none", "--redis", redis.url) as stage, relaying(redis.url) as relay:
            wait_for(lambda: relay.has(ident_of(stage.state())))
        with relaying(redis.url.partition("?")[0]) as stranger:
            wait_for(
                lambda: "shows a certificate that is not trusted" in stranger.read_output(), say=lambda: stranger.output
            )
            problem(stranger.client.get("/state"), 503, "no_show")


def test_a_relay_serves_https_with_a_certificate(
    relayed_show: ShowWithRelays, redis: RedisServer, certificate: tuple[Path, Path]
) -> None:
    cert, key = certificate
    with relaying(redis.url, "--show", relayed_show.show, "--tls-cert", str(cert), "--tls-key", str(key)) as relay:
        trusted = ssl.create_default_context(cafile=str(cert))
        assert fetch.get(f"{relay.url}/healthz", verify=trusted).json()["live"] is True


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["serve", "none", "--redis", "http://127.0.0.1"], "is not the URL of a Redis"),
        (["serve", "none", "--redis", "redis://host:port"], "is not the URL of a Redis"),
        (["relay", "--redis", "127.0.0.1:6379"], "is not the URL of a Redis"),
        (["relay", "--redis", "redis://:secret@h/x"], "redis://h/x has no valid database"),
        (["relay", "--redis", "redis://:secret@h?timeout=1"], "redis://h has an unknown option 'timeout'"),
        (["relay", "--redis", "rediss://h?ssl_nonsense=1"], "has an option that cannot be used"),
        (["relay", "--redis", "redis://h", "--show", "a:b"], "--show 'a:b' is not a valid name"),
        (["relay"], "a relay needs the Redis of the show"),
        (["relay", "--redis", "redis://h", "--public-name", "ftp://x"], "neither http nor https"),
    ],
)
def test_a_wrong_call_is_one_sentence_and_exit_code_2(args: list[str], says: str) -> None:
    done = run_demo(*args, "--port", "0", limit=30)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert says in done.stderr
    assert "secret" not in done.stderr


def test_behind_a_load_balancer_a_relay_answers_to_its_public_name_only(
    relayed_show: ShowWithRelays, redis: RedisServer
) -> None:
    name = {"Host": "demo.example", "X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}
    problem(relayed_show.near.client.get("/", headers=name), 421, "host")
    with relaying(redis.url, "--show", relayed_show.show, "--public-name", "https://demo.example") as relay:
        here = fetch.client(base_url=f"http://127.0.0.1:{relay.port}")
        assert here.get("/", headers=name).status_code == 200
        assert here.get("/healthz").status_code == 200, "a health check asks for the address itself"
        problem(here.get("/", headers={"Host": "other.example"}), 421, "host")
        here.close()


# Starting and ending.


def test_a_relay_ends_at_once_with_streams_open_and_its_viewers_go_with_it(
    relayed_show: ShowWithRelays, redis: RedisServer
) -> None:
    with relaying(redis.url, "--show", relayed_show.show) as relay, Stream(relay, "/stream/stage") as stream:
        next_visible_message(stream)
        wait_for(lambda: relayed_show.stage.state()["viewers"]["stage"] == 1)
        began = time.monotonic()
        assert relay.stop(signal.SIGINT) == 0
        assert time.monotonic() - began < 2
        assert "Traceback" not in relay.output
    wait_for(lambda: relayed_show.stage.state()["viewers"]["stage"] == 0, 3)


def test_two_shows_on_one_redis_do_not_mix(relayed_show: ShowWithRelays, redis: RedisServer) -> None:
    other = any_show()
    with serving("none", "--redis", redis.url, "--show", other) as stage:
        stage.client.post("/goto/5")
        with relaying(redis.url, "--show", other) as relay:
            wait_for(lambda: relay.has(ident_of(stage.state())))
            assert not relayed_show.near.has(ident_of(stage.state()))


def test_of_two_conductors_of_one_show_the_later_has_it_and_the_other_says_so(
    relayed_show: ShowWithRelays, redis: RedisServer
) -> None:
    show = any_show()
    with serving("none", "--redis", redis.url, "--show", show) as first, relaying(redis.url, "--show", show) as relay:
        wait_for(lambda: relay.has(ident_of(first.state())))
        with serving("none", "--redis", redis.url, "--show", show) as second:
            wait_for(lambda: relay.has(ident_of(second.state())))
            first.client.post("/advance")
            wait_for(lambda: "another conductor publishes the show" in first.read_output())
            second.client.post("/goto/3")
            wait_for(lambda: relay.has(ident_of(second.state())))
            first.client.post("/say", json={"text": "unheard"})
            second.client.post("/goto/4")
            wait_for(lambda: relay.has(ident_of(second.state())))
            assert relay.state()["epoch"] == second.state()["epoch"]


def test_a_picture_of_another_version_shows_what_both_know(redis: RedisServer) -> None:
    show = any_show()
    with relaying(redis.url, "--show", show) as relay:
        regions = {"narration": b"<h1>From elsewhere</h1>", "unheard-of": b"<p>nobody has a place for this</p>"}
        for seq in (1, 2):
            picture = FeedMessage("e", seq, "run", time.time(), "Elsewhere", "another build", regions, {"seq": seq})
            fields: Any = picture.fields()
            redis.client.xadd(f"chaos-stage:{show}:pictures", fields)
            wait_for(lambda seq=seq: relay.client.get("/state").json().get("seq") == seq)  # type: ignore[misc]
        page = relay.client.get("/").text
        assert "From elsewhere" in page
        assert "nobody has a place for this" not in page
        assert 'data-build="another build"' not in page
        with Stream(relay, "/stream/stage") as stream:
            assert "unheard-of" not in next_visible_message(stream)["data"]
        assert relay.read_output().count("another version than") == 1
