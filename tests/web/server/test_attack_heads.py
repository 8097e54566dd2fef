"""Heads that no browser sends, over raw sockets: names, origins, targets, cookies, ids and paths, and what they get."""

import json
import re
from collections.abc import Iterator
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demo.web.access.rules import RULES
from tests.support.paired_devices import OPEN, Device, OpenServer
from tests.support.raw_http import Answer, answers, ask, connection, request
from tests.support.servers import Server, serving

SOME = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def opened() -> Iterator[OpenServer]:
    with serving("none", *OPEN) as server:
        found = OpenServer(server)
        server.until(lambda state: state["seq"] > 0)
        yield found
        assert "Traceback" not in server.read_output()


@pytest.fixture(scope="module")
def phone(opened: OpenServer) -> Iterator[Device]:
    one = Device(opened.here)
    yield one.pair(opened.secret())
    one.close()


def own(server: Server) -> str:
    return f"Host: 127.0.0.1:{server.port}"


def refused(answer: Answer, *statuses: int) -> None:
    """A refusal in our words, whatever was sent."""
    assert answer.status in statuses, (answer.status, answer.body)
    assert answer.header("content-type") == "application/problem+json"
    found = json.loads(answer.body)
    assert found["status"] == answer.status
    assert 0 < len(found["detail"]) < 600


# Names.

NAME_TRICKS = [
    "evil.example:{port}",
    "127.0.0.1:{port}.evil.example",
    "127.0.0.1.evil.example:{port}",
    "evil127.0.0.1:{port}",
    "evil-localhost:{port}",
    "localhost:{port}@evil.example",
    "evil.example@localhost:{port}",
    "user:pass@127.0.0.1:{port}",
    "localhost:{port},evil.example",
    "evil.example,localhost:{port}",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:80",
    "127.0.0.1:0{port}",
    "127.0.0.1:+{port}",
    "127.0.0.1: {port}",
    "127.0.0.1:{port}:{port}",
    "localhost.:{port}",
    "127.0.0.1.:{port}",
    "[::1%lo]:{port}",
    "[::1%25lo]:{port}",
    "[::ffff:127.0.0.1]:{port}",
    "[0:0:0:0:0:0:0:1]:{port}",
    "::1:{port}",
    "127.1:{port}",
    "0x7f.0.0.1:{port}",
    "2130706433:{port}",
    "0177.0.0.1:{port}",
    "0.0.0.0:{port}",
    "127.0.0.1:{port}/",
    "127.0.0.1:{port}#",
    "127.0.0.1:{port}?",
    "http://127.0.0.1:{port}",
    "127.0.0.1\\:{port}",
    "127.0.0.1\t:{port}",
    "l\xb0calhost:{port}",
    "*",
    "",
]


@pytest.mark.parametrize("trick", NAME_TRICKS)
def test_a_name_that_is_only_like_ours_is_not_answered(server: Server, trick: str) -> None:
    for method, target in (("POST", "/advance"), ("GET", "/state"), ("GET", "/events")):
        refused(
            ask(server.port, request(method, target, f"Host: {trick.format(port=server.port)}")), 421 if trick else 400
        )
    assert server.state()["chapter"]["number"] == 1


GOOD, EVIL = "Host: 127.0.0.1:PORT", "Host: evil.example:PORT"
PLAIN = request("POST", "/advance", GOOD)

HEADS = {
    "none": request("POST", "/advance"),
    "two": request("POST", "/advance", GOOD, GOOD),
    "ours first": request("POST", "/advance", GOOD, EVIL),
    "ours last": request("POST", "/advance", EVIL, GOOD),
    "folded": request("POST", "/advance", GOOD, " .evil.example"),
    "nul": request("POST", "/advance", f"{GOOD}\0.evil.example"),
    "lone line feed": request("POST", "/advance", f"{GOOD}\nX: y"),
    "lone carriage return": request("POST", "/advance", f"{GOOD}\rX: y"),
    "space before the colon": request("POST", "/advance", GOOD.replace(":", " :", 1)),
    "another in the target": request("POST", "http://evil.example:PORT/advance", GOOD),
    "userinfo in the target": request("POST", "http://127.0.0.1:PORT@evil.example/advance", GOOD),
    "our own with userinfo": request("POST", "http://me@127.0.0.1:PORT/advance", GOOD),
    "another port in the target": request("POST", "http://127.0.0.1:1/advance", GOOD),
    "ours in the target alone": request("POST", "http://127.0.0.1:PORT/advance", EVIL),
    "a path that looks like a name": request("POST", "//127.0.0.1:PORT/advance", GOOD),
    "a tunnel": request("CONNECT", "127.0.0.1:PORT", GOOD),
    "everything": request("OPTIONS", "*", GOOD),
    "of the past": PLAIN.replace(b"HTTP/1.1", b"HTTP/0.9"),
    "of another time": PLAIN.replace(b"HTTP/1.1", b"HTTP/2.0"),
    "two lengths": request("POST", "/advance", GOOD, "Content-Length: 4"),
    "length and chunks": request("POST", "/advance", GOOD, "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "unknown coding": PLAIN.replace(b"Content-Length: 0", b"Transfer-Encoding: x"),
    "no length": PLAIN.replace(b"Content-Length: 0", b"Content-Length: -0"),
    "a long length": PLAIN.replace(b"Length: 0", b"Length: " + b"9" * 5000),
    "no chunk": PLAIN.replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + b"evil\r\n",
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_can_be_read_in_two_ways_does_nothing(server: Server, name: str) -> None:
    sent = HEADS[name].replace(b"PORT", str(server.port).encode())
    refused(ask(server.port, sent), 400, 403, 404, 405, 421)
    assert server.state()["chapter"]["number"] == 1


def test_our_own_name_in_the_target_is_ours(server: Server) -> None:
    here = f"127.0.0.1:{server.port}"
    assert ask(server.port, request("GET", f"http://{here}/state", f"Host: {here}")).status == 200
    assert ask(server.port, request("POST", f"http://{here}/advance?from=1", f"Host: {here}")).status == 200
    assert server.state()["chapter"]["number"] == 2


WORDS = (
    "127.0.0.1 localhost LocalHost [::1] PORT :PORT : @ . , / % evil.example null http:// HTTP:// https:// file:// 0 * "
    '[ ] %25lo demo.test ; " \x80'
)
PIECES = st.sampled_from([*WORDS.split(" "), " ", "\t"])
FORMS = st.lists(PIECES, max_size=6).map("".join)
"""Sometimes exactly ours, mostly nearly."""


def names(port: int) -> set[str]:
    return {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]", "demo.test")}


@SOME
@given(form=FORMS | st.sampled_from(["localhost:PORT", "Demo.Test:PORT", " [::1]:PORT\t"]))
def test_only_exact_names_are_answered(opened: OpenServer, form: str) -> None:
    port = opened.server.port
    host = form.replace("PORT", str(port))
    answer = ask(port, request("GET", "/healthz", f"Host: {host}"))
    if answer.status == 200:
        assert host.strip(" \t").lower() in names(port)
    else:
        refused(answer, 421 if host.strip(" \t") else 400)
        assert host.lower() not in names(port)


@SOME
@given(
    forms=st.lists(FORMS | st.sampled_from(["http://localhost:PORT", "http://demo.test:PORT"]), min_size=1, max_size=3)
)
def test_only_exact_origins_may_control(opened: OpenServer, forms: list[str]) -> None:
    port = opened.server.port
    origins = [form.replace("PORT", str(port)) for form in forms]
    lines = [own(opened.server), f"Authorization: {opened.bearer['Authorization']}"]
    answer = ask(port, request("POST", "/timer/reset", *lines, *(f"Origin: {origin}" for origin in origins)))
    ours = {f"http://{name}" for name in names(port)}
    if answer.status == 200:
        assert {origin.strip(" \t") for origin in origins} <= ours
    else:
        refused(answer, 403)
        assert not set(origins) <= ours


# Cookies.

JUNK = st.lists(
    st.sampled_from(
        ["NAME", "=", '"', " ", "x", "TOKEN", "TOKE", ",", "\t", "$Version", "\x80", "%3D", "/", "__Host-"]
    ),
    max_size=5,
).map("".join)


@SOME
@given(lines=st.lists(st.lists(JUNK | st.just("NAME=TOKEN"), min_size=1, max_size=4), min_size=1, max_size=3))
def test_only_the_exact_cookie_is_a_device(opened: OpenServer, phone: Device, lines: list[list[str]]) -> None:
    name, token = f"chaos-stage-{opened.server.port}", next(iter(phone.client.cookies.values()))
    filled = [[part.replace("NAME", name).replace("TOKEN", token) for part in parts] for parts in lines]
    sent = [f"Cookie: {'; '.join(parts)}" for parts in filled]
    parts = [part.strip(" \t") for line in filled for part in line]
    answer = ask(opened.server.port, request("GET", "/sessions", own(opened.server), *sent))
    if answer.status == 200:
        assert f"{name}={token}" in [part.replace('"', "") for part in parts]
    else:
        refused(answer, 401)
        assert f"{name}={token}" not in parts


def test_a_thousand_cookies_are_read_and_more_are_too_large(opened: OpenServer, phone: Device) -> None:
    name, token = f"chaos-stage-{opened.server.port}", next(iter(phone.client.cookies.values()))
    many = "; ".join(["a=b"] * 1000 + [f"{name}=x"] * 50 + [f"{name}={token}"])
    assert ask(opened.server.port, request("GET", "/sessions", own(opened.server), f"Cookie: {many}")).status == 200
    more = "; ".join([f"{name}=x"] * 2000)
    refused(ask(opened.server.port, request("GET", "/sessions", own(opened.server), f"Cookie: {more}")), 431)


# Where a stream goes on.

IDS = st.sampled_from(
    ["EPOCH-", "-", "EPOCH", "0", "9" * 30, "-1", "1", "\xb2", "\x80", " ", "e", "+1", "0x1", "1_0", "\t"]
)


@SOME
@given(last=st.lists(IDS, max_size=4).map("".join))
def test_an_id_that_is_none_gets_a_snapshot(server: Server, last: str) -> None:
    state = server.state()
    sent = last.replace("EPOCH", state["epoch"]).strip(" \t")
    with connection(server.port) as one:
        one.sendall(request("GET", "/events", own(server), f"Last-Event-ID: {sent}"))
        found = b""
        while b"event: " not in found:
            chunk = one.recv(65536)
            assert chunk, found
            found += chunk
    number = sent.removeprefix(f"{state['epoch']}-")
    known = number != sent and number.isascii() and number.isdecimal() and int(number) <= state["seq"]
    assert (b"event: entry" if known else b"event: snapshot") in found


@pytest.mark.parametrize("last", ["a\0b", "a\nb", "a\rb", "\x01", "\x7f", "1\n\nevent: evil"])
def test_control_characters_in_an_id_never_come_back(server: Server, last: str) -> None:
    with connection(server.port) as one:
        one.sendall(request("GET", "/events", own(server), f"Last-Event-ID: {last}"))
        found = one.recv(65536)
    assert found.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 200 "))
    assert b"evil" not in found


# Ids and paths.

TEMPLATES = ("/goto/{}", "/chaos/{}", "/chaos/{}/heal", "/sessions/{}/revoke", "/stream/{}", "/static/{}", "/{}")
RAW = st.binary(max_size=24) | st.sampled_from(
    [b"..", b"../../etc/passwd", b"a/heal", b"\r\nX: y", b"%2e", b"\0", b"base.css\0.js"]
)
BARE = re.compile(rb"[^!-~]|[#?]")


@SOME
@given(method=st.sampled_from(["GET", "POST"]), template=st.sampled_from(TEMPLATES), raw=RAW, bare=st.booleans())
def test_no_id_and_no_path_is_more_than_a_name(
    server: Server, method: str, template: str, raw: bytes, bare: bool
) -> None:
    part = BARE.sub(b"", raw).decode("ascii") if bare else quote_from_bytes(raw, safe="")
    target = template.format(part)
    if (method, target) in RULES or target in ("/static/", "/stream/"):
        return
    before = server.state()
    answer = ask(server.port, request(method, target, own(server)))
    if answer.status == 200:
        assert template == "/goto/{}" or part in ("stage", "presenter", "remote"), target
    else:
        refused(answer, 400, 404, 405, 422)
        assert server.state()["log"] == before["log"]


def test_what_follows_a_request_is_not_taken_for_a_part_of_it(server: Server) -> None:
    hidden = request("POST", "/advance", own(server))
    sent = request("POST", "/say", own(server), "Content-Type: text/plain", body=hidden)
    with connection(server.port) as one:
        one.sendall(sent + request("GET", "/healthz", own(server), "Connection: close"))
        assert [answer.status for answer in answers(one)] == [200, 200]
    assert server.state()["chapter"]["number"] == 1
