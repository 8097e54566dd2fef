"""Every route has a rule, and each role gets exactly what the rules say: on open servers and on loopback ones."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.routing import BaseRoute, Route

from demo.conductor import Conductor, ShowConfig
from demo.subjects.registry import load
from demo.web.access.addresses import ServerAddresses
from demo.web.access.bearer_token import BearerToken
from demo.web.access.policy import AccessPolicy, Denied, Visitor
from demo.web.access.rules import RULES, Rule, rule_of
from demo.web.app import Web
from demo.web.problems import STATUS
from tests.support import fetch
from tests.support.paired_devices import OPEN, Device, OpenServer
from tests.support.servers import Server, Stream, serving
from tests.web.routes.test_contract import problem

ACCESS = AccessPolicy(ServerAddresses("0.0.0.0", "0.0.0.0", 8000), BearerToken(Path("token"), "right"))

FILLED = {"{path:path}": "base.css", "{view}": "presenter", "{chapter}": "2", "{name}": "none", "{ident}": "0"}


@pytest.fixture(scope="module")
def opened() -> Iterator[OpenServer]:
    with serving("none", *OPEN) as server:
        yield OpenServer(server)


def filled(template: str) -> str:
    for name, value in FILLED.items():
        template = template.replace(name, value)
    return template


def routes_of(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, str]]:
    for route in routes:
        if isinstance(route, APIRoute | Route):
            for method in route.methods or ():
                yield ("GET" if method == "HEAD" else method), route.path
        else:
            router = getattr(route, "original_router", None)
            assert router is not None, f"{route!r} is of a kind that this test does not know"
            yield from routes_of(router.routes)


@pytest.mark.anyio
async def test_every_route_has_a_rule_and_every_rule_a_route() -> None:
    conductor = Conductor(ShowConfig("none", load("none").chapters))
    web = Web(conductor)
    await conductor.journal.close()
    found = set(routes_of(web.app.routes))
    # The stage's stream is a rule of its own within the route of all views.
    assert found - set(RULES) == set()
    assert set(RULES) - found == {("GET", "/stream/stage")}


@pytest.mark.parametrize("path", ["/nothing", "/docs", "/redoc", "/advance/", "//presenter", "/static", "/stream/a/b"])
def test_what_has_no_rule_is_denied(path: str, opened: OpenServer) -> None:
    assert rule_of("GET", path) is None
    for headers in ({}, opened.bearer):
        problem(fetch.get(f"{opened.here}{path}", headers=headers), 404, "not_found")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods_are_denied(method: str, opened: OpenServer) -> None:
    answer = fetch.request(method, f"{opened.here}/advance", headers=opened.bearer)
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(("method", "template"), sorted(key for key, rule in RULES.items() if rule is not Rule.PUBLIC))
def test_the_audience_gets_nothing_of_the_presenters(method: str, template: str, opened: OpenServer) -> None:
    before = opened.state()["seq"]
    answer = fetch.request(method, f"{opened.here}{filled(template)}")
    if RULES[method, template] is Rule.PAIRING:
        problem(answer, 422, "invalid")
    elif template == "/ask":
        problem(answer, 404, "not_found")  # this show takes no questions
    elif RULES[method, template] is Rule.PARTICIPATE:
        problem(answer, 409, "closed")
    else:
        problem(answer, 401, "unpaired")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert opened.state()["seq"] == before


@pytest.mark.parametrize("template", sorted(path for (_, path), rule in RULES.items() if rule is Rule.PUBLIC))
def test_the_audience_may_read_what_is_public(template: str, opened: OpenServer) -> None:
    with fetch.stream("GET", f"{opened.here}{filled(template)}") as answer:
        assert answer.status_code == (404 if template == "/images/{name}" else 200)  # this deck has no image


def test_a_browser_without_a_session_is_sent_to_the_pairing(opened: OpenServer) -> None:
    for path in ("/presenter", "/remote", "/print", "/report"):
        answer = fetch.get(f"{opened.here}{path}", headers={"Accept": "text/html,*/*"})
        assert (answer.status_code, answer.headers["location"]) == (303, "pair")


def test_the_audience_never_sees_notes_errors_or_devices(opened: OpenServer) -> None:
    phone = Device(opened.here).pair(opened.secret())
    assert phone.post("/goto/2", headers={"X-Demo-Client": "remote"}).status_code == 200
    private = opened.state()
    secret = private["chapter"]["notes"].split("\n")[0].lstrip("- ")[:20]
    assert secret
    assert private["log"][-1]["who"].startswith("remote · iPhone Safari")
    public: dict[str, Any] = fetch.get(f"{opened.here}/state").json()
    assert (public["chapter"]["notes"], public["chapter"]["error"]) == ("", None)
    assert public["log"][-1]["who"] == "remote"
    page = fetch.get(f"{opened.here}/").text
    with Stream(opened.server, "/stream/stage") as stream:
        for text in (str(public), page, stream.next()["data"]):
            assert secret not in text
            assert "iPhone" not in text
    phone.close()


def test_control_needs_the_role_from_loopback_too(opened: OpenServer) -> None:
    for headers in ({}, {"Origin": opened.here}, {"Origin": opened.here, "Sec-Fetch-Site": "same-origin"}):
        problem(fetch.post(f"{opened.here}/advance", headers=headers), 401, "unpaired")


@pytest.mark.parametrize("origin", ["http://demo.test:{port}", "http://localhost:{port}", "http://127.0.0.1:{port}"])
def test_every_name_of_this_server_is_an_origin(origin: str, opened: OpenServer) -> None:
    host = origin.format(port=opened.server.port).removeprefix("http://")
    headers = opened.bearer | {"Origin": f"http://{host}", "Host": host}
    assert fetch.post(f"{opened.here}/goto/1", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://demo.test:{port}"},
        {"Origin": "http://demo.test"},
        {"Origin": "http://demo.test:{port}.evil.example"},
        {"Origin": "http://xdemo.test:{port}"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_no_other_page_may_control_whatever_it_carries(headers: dict[str, str], opened: OpenServer) -> None:
    sent = {name: value.format(port=opened.server.port) for name, value in headers.items()} | opened.bearer
    problem(fetch.post(f"{opened.here}/advance", headers=sent), 403, "origin")


@pytest.mark.parametrize("host", ["demo.test", "demo.test:1", "x.demo.test:{port}", "demo.test.:{port}", "evil:{port}"])
def test_other_hosts_are_not_answered(host: str, opened: OpenServer) -> None:
    headers = opened.bearer | {"Host": host.format(port=opened.server.port)}
    for method, path in (("GET", "/"), ("POST", "/advance")):
        problem(fetch.request(method, f"{opened.here}{path}", headers=headers), 421, "host")


def test_with_a_cookie_the_page_must_be_named(opened: OpenServer) -> None:
    phone = Device(opened.here).pair(opened.secret())
    problem(phone.client.post("/advance"), 403, "origin")
    assert phone.post("/goto/1").status_code == 200
    phone.close()


def test_another_site_may_not_even_ask_for_what_is_private(opened: OpenServer) -> None:
    for path in ("/events", "/stream/stage", "/stream/remote", "/sessions", "/pairing", "/thumbnails"):
        headers = opened.bearer | {"Sec-Fetch-Site": "cross-site"}
        problem(fetch.get(f"{opened.here}{path}", headers=headers), 403, "origin")


# Whatever is sent.

TOKENS = st.text("abcdefghijklmnopqrstuvwxyz-0123456789", min_size=1, max_size=12)
HEADER_NAMES = (
    st.sampled_from(
        [
            "origin",
            "cookie",
            "authorization",
            "sec-fetch-site",
            "via",
            "x-forwarded-for",
            "host",
            "accept",
            "hx-request",
        ]
    )
    | TOKENS
)
VALUES = st.sampled_from(
    [
        "http://127.0.0.1:8000",
        "null",
        "Bearer ",
        "Bearer x",
        "chaos-stage-8000=x",
        "same-origin",
        "127.0.0.1:8000",
        "*/*",
    ]
) | st.text(max_size=40).map(lambda text: text.encode("latin-1", "replace").decode("latin-1"))
PATHS = st.sampled_from([filled(template) for _, template in RULES]) | st.text(max_size=40).map(lambda text: f"/{text}")


@settings(max_examples=400)
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]) | TOKENS,
    path=PATHS,
    headers=st.lists(st.tuples(HEADER_NAMES, VALUES), max_size=6),
    version=st.sampled_from(["1.1", "1.0"]),
)
def test_without_a_secret_nothing_makes_a_presenter(
    method: str, path: str, headers: list[tuple[str, str]], version: str
) -> None:
    sent = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in [("host", "127.0.0.1:8000"), *headers]]
    scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "headers": sent, "http_version": version}
    scope |= {"server": ("127.0.0.1", 8000), "client": ("10.0.0.1", 5), "scheme": "http"}
    found = ACCESS.authorize(scope)
    if isinstance(found, Visitor):
        assert not found.is_presenter
        assert rule_of(method, path) in (Rule.PUBLIC, Rule.PAIRING, Rule.PARTICIPATE)
    else:
        assert found.detail
        assert STATUS[found.code] in (400, 401, 403, 404, 405, 421, 429)


# Loopback only, as without any option.


@pytest.mark.parametrize(
    "path",
    [
        "/presenter",
        "/remote",
        "/print",
        "/report",
        "/stream/presenter",
        "/events",
        "/sessions",
        "/pairing",
        "/thumbnails",
    ],
)
def test_on_loopback_nothing_has_to_be_typed_but_a_proxy_gets_nothing_private(server: Server, path: str) -> None:
    with server.client.stream("GET", path) as answer:
        assert answer.status_code == 200
    for sign in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Proto"):
        problem(server.client.get(path, headers={sign: "10.0.0.1"}), 403, "proxied")


def test_on_loopback_a_proxy_gets_the_public_snapshot(server: Server) -> None:
    assert server.client.get("/state").json()["chapter"]["notes"]
    assert not server.client.get("/state", headers={"Via": "1.1 somewhere"}).json()["chapter"]["notes"]


def test_on_loopback_there_is_nothing_to_pair(server: Server) -> None:
    assert "--host 0.0.0.0" in re.sub(r"\s+", " ", server.client.get("/pair").text)
    problem(server.client.post("/pair", json={"code": "AAAA-AAAA"}), 403, "bad_code")
    assert server.client.get("/pairing").json()["open"] is False
    assert server.client.get("/sessions").json() == {"sessions": []}


@pytest.mark.parametrize(
    ("client", "header", "told"),
    [("127.0.0.1", None, True), ("192.0.2.7", None, False), ("127.0.0.1", (b"x-forwarded-for", b"192.0.2.7"), False)],
)
def test_its_names_and_addresses_are_told_to_its_own_machine_only(
    client: str, header: tuple[bytes, bytes] | None, told: bool
) -> None:
    headers = [(b"host", b"elsewhere:1"), *([header] if header else [])]
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "headers": headers}
    scope["server"] = ("192.168.1.5", 8000)
    found = ACCESS.authorize(scope | {"client": (client, 1)})
    assert isinstance(found, Denied)
    assert (found.code, "192.168.1.5" in found.detail) == ("host", told)
