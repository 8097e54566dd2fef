"""Programs are told what they misspell, and HTTP is answered as its specification says."""

import json
import subprocess
import sys
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from demo.conductor import Conductor, ShowConfig
from demo.errors import InvalidValue
from demo.subjects.registry import load
from demo.types import ChaosConfig, ChaosType
from demo.web.app import Web
from demo.web.problems import STATUS, type_of
from tests.support.raw_http import Answer, ask, request
from tests.support.servers import Server
from tests.web.routes.test_contract import problem

MOVES = ("/advance", "/back", "/goto/2", "/rerun")
NO_FIELDS = ("/chaos/none/heal", "/heal", "/halt", "/resume", "/timer/start", "/sessions/revoke-all")

# Fields.


@pytest.mark.parametrize("sent", [{"params": {"fom": "1"}}, {"data": {"fom": "1"}}, {"json": {"fom": 1}}])
@pytest.mark.parametrize("path", MOVES)
def test_a_misspelt_field_moves_nothing_and_names_the_right_one(
    server: Server, path: str, sent: dict[str, Any]
) -> None:
    before = server.state()
    answer = server.client.post(path, **sent)
    assert problem(answer, 422, "invalid")["detail"] == "unknown field 'fom': did you mean 'from'?"
    assert server.state()["seq"] == before["seq"]


@pytest.mark.parametrize(("path", "takes"), [("/blackout", "'on'"), ("/freeze", "'on'"), ("/say", "'text'")])
def test_an_unknown_field_is_answered_with_what_there_is(server: Server, path: str, takes: str) -> None:
    answer = server.client.post(path, json={"text": "hello", "on": True, "zzz": 1} if path == "/say" else {"zzz": 1})
    detail = problem(answer, 422, "invalid")["detail"]
    assert detail.startswith("unknown field ")
    assert detail.endswith(f"this route takes {takes}")


@pytest.mark.parametrize("path", NO_FIELDS)
def test_a_route_without_fields_says_so(server: Server, path: str) -> None:
    answer = server.client.post(path, params={"from": "1"})
    assert problem(answer, 422, "invalid")["detail"] == "unknown field 'from': this route takes none"


@pytest.mark.parametrize("path", ["/state", "/events"])
def test_reads_of_programs_take_no_fields_either(server: Server, path: str) -> None:
    problem(server.client.get(path, params={"utm_source": "mail"}), 422, "invalid")


@pytest.mark.parametrize("path", ["/", "/presenter", "/remote"])
def test_pages_take_whatever_a_link_brings(server: Server, path: str) -> None:
    assert server.client.get(path, params={"utm_source": "mail"}).status_code == 200


@pytest.mark.parametrize("kind", ["params", "data", "json"])
def test_a_field_may_stand_in_the_query_a_form_or_json(server: Server, kind: str) -> None:
    right: dict[str, Any] = {kind: {"from": 1}}
    wrong: dict[str, Any] = {kind: {"from": 7}}
    assert server.client.post("/goto/1", **right).status_code == 200
    problem(server.client.post("/advance", **wrong), 409, "stale")


def test_a_field_in_query_and_body_is_one_too_many(server: Server) -> None:
    answer = server.client.post("/goto/1", params={"from": "1"}, json={"from": 1})
    assert "in the query and in the body: send it once" in problem(answer, 422, "invalid")["detail"]


# HTTP.


def own(server: Server) -> str:
    return f"Host: 127.0.0.1:{server.port}"


PATHS = ("/", "/presenter", "/remote", "/pair", "/state", "/events", "/stream/stage", "/healthz", "/metrics")
FILES = ("/openapi.json", "/favicon.ico", "/pairing", "/sessions")


@pytest.mark.parametrize("path", [*PATHS, *FILES])
def test_head_is_answered_wherever_get_is(server: Server, path: str) -> None:
    answer = server.client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    with server.client.stream("GET", path) as got:
        assert answer.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize(
    "headers", [(), ("Host: ",), ("Host: 127.0.0.1", "Host: 127.0.0.1")], ids=["none", "empty", "two"]
)
def test_a_request_names_one_host(server: Server, headers: tuple[str, ...]) -> None:
    refused(ask(server.port, request("GET", "/state", *headers)), "malformed")


@pytest.mark.parametrize("length", ["x", "-1", "1, 2", "0x10"])
def test_a_bad_length_is_a_bad_request(server: Server, length: str) -> None:
    sent = request("GET", "/state", own(server), f"Content-Length: {length}")
    refused(ask(server.port, sent), "malformed")


def test_an_unreadable_head_is_a_bad_request(server: Server) -> None:
    refused(ask(server.port, request("GET", "/state", own(server), "Bad Header: x")), "malformed")


def test_an_unknown_method_is_not_implemented_and_a_known_one_not_allowed(server: Server) -> None:
    refused(ask(server.port, request("FROB", "/state", own(server))), "unknown_method")
    answer = ask(server.port, request("PROPFIND", "/state", own(server)))
    refused(answer, "method_not_allowed")
    assert answer.header("allow") == "GET, HEAD"


def test_an_address_that_is_too_long_is_told_apart_from_long_headers(server: Server) -> None:
    refused(ask(server.port, request("GET", f"/{'a' * 20_000}", own(server))), "long_target")
    refused(ask(server.port, request("GET", "/", own(server), f"X: {'a' * 20_000}")), "headers")


def refused(answer: Answer, code: str) -> None:
    assert answer.status == STATUS[code], answer
    assert parsedate_to_datetime(answer.header("date") or "")
    body = json.loads(answer.body)
    assert (body["code"], body["status"], body["type"]) == (code, STATUS[code], type_of(code))


def test_every_kind_of_problem_has_a_uri_of_its_own(server: Server) -> None:
    assert problem(server.client.post("/goto/99"), 404, "not_found")["type"] == "urn:chaos-stage:problem:not_found"
    assert len({type_of(code) for code in STATUS}) == len(STATUS)


@pytest.mark.parametrize(("path", "link"), [("/nothing", "./"), ("/a/b/c", "../../")])
def test_a_person_at_a_wrong_address_gets_a_page_with_a_way_back(server: Server, path: str, link: str) -> None:
    answer = server.client.get(path, headers={"accept": "text/html,application/xhtml+xml"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert f'<a href="{link}">The stage</a>' in answer.text
    assert httpx.URL(server.url).join(path).join(link) == f"{server.url}/"
    problem(server.client.get(path), 404, "not_found")


@pytest.mark.parametrize("page", ["presenter", "remote", "pair"])
def test_a_slash_too_many_leads_to_the_page(server: Server, page: str) -> None:
    answer = server.client.get(f"/{page}/")
    assert answer.status_code == 308
    assert httpx.URL(f"{server.url}/{page}/").join(answer.headers["location"]) == f"{server.url}/{page}"
    assert server.client.post(f"/{page}/").status_code == 404


# The rest of the contract.


def test_a_line_that_was_taken_back_leaves_none_in_the_log(server: Server) -> None:
    server.client.post("/say", json={"text": "hello"})
    before = [line["text"] for line in server.state()["log"]]
    assert server.client.post("/say", json={"text": ""}).json()["said"] == ""
    assert [line["text"] for line in server.state()["log"]] == before


@pytest.mark.parametrize("name", [".", ".."])
def test_a_faults_name_is_a_segment_of_a_path(name: str) -> None:
    with pytest.raises(InvalidValue, match=r"not '\.' or '\.\.'"):
        ChaosConfig(name, ChaosType.CONTAINER_KILL, "no browser would send this", 1.0)


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    web = Web(Conductor(ShowConfig("none", load("none").chapters)))
    found: dict[str, Any] = web.app.openapi()
    return found


def test_the_description_is_small_and_its_operations_read_well(described: dict[str, Any]) -> None:
    assert len(json.dumps(described)) < 60_000
    operations = {operation["operationId"] for path in described["paths"].values() for operation in path.values()}
    assert {"advance", "goto", "inject_fault", "heal_fault", "heal_all", "say", "state", "events"} <= operations
    assert all(name.replace("_", "").isalpha() for name in operations)
    assert set(described["components"]["securitySchemes"]) == {"token", "session"}


def test_the_description_names_views_and_where_a_stream_resumes(described: dict[str, Any]) -> None:
    view, last = described["paths"]["/stream/{view}"]["get"]["parameters"]
    assert view["schema"]["enum"] == ["presenter", "remote", "stage"]
    assert (last["name"], last["in"]) == ("Last-Event-ID", "header")


def test_each_refusal_and_the_answer_to_htmx_are_described_once(described: dict[str, Any]) -> None:
    for path in described["paths"].values():
        for operation in path.values():
            for status, answer in operation["responses"].items():
                assert ("$ref" in answer) == (int(status) >= 400 or status == "204"), (status, answer)


def test_the_models_of_answers_are_not_imported_at_the_start() -> None:
    """FastAPI's typed path parameters would import pydantic.v1: that takes as long as all of our own modules."""
    code = "import sys, demo.web.app; assert not {'pydantic.v1', 'demo.web.routes.response_models'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# What docs/http.md says of statuses and headers.


@pytest.mark.parametrize("kind", ["application/xml", "text/html", "application/octet-stream", None])
@pytest.mark.parametrize("path", ["/advance", "/blackout", "/say", "/chaos/x"])
def test_a_body_of_a_type_that_nobody_reads_is_refused_and_not_ignored(
    server: Server, path: str, kind: str | None
) -> None:
    """Its fields would be ignored, and with them the check that `from` is for."""
    before = server.state()
    answer = server.client.post(path, content=b"from=7", headers={"content-type": kind} if kind else {})
    detail = problem(answer, 422, "invalid")["detail"]
    assert detail == f"a body of type {kind or ''!r} is not read here: send a form, JSON or text/plain"
    assert server.state()["seq"] == before["seq"]


@pytest.mark.parametrize("kind", ["application/xml", "application/json", "text/html"])
def test_an_empty_body_may_have_any_type(server: Server, kind: str) -> None:
    assert server.client.post("/advance", headers={"content-type": kind}).status_code == 200


def test_a_halt_gets_through_with_whatever_body(server: Server) -> None:
    assert (
        server.client.post("/halt", content=b"<now/>", headers={"content-type": "application/xml"}).status_code == 200
    )


def test_the_first_reason_to_refuse_is_the_documented_one(server: Server) -> None:
    foreign = {"origin": "http://elsewhere.example"}
    problem(server.client.post("/nothing?x=1", headers=foreign), 403, "origin")
    problem(server.client.post("/nothing?x=1"), 404, "not_found")
    problem(server.client.post("/goto/99?x=1"), 422, "invalid")
    problem(server.client.post("/goto/99?from=3"), 404, "not_found")
    problem(server.client.post("/back?from=3"), 409, "stale")
    problem(server.client.post("/back"), 409, "at_start")


@pytest.mark.parametrize(
    ("target", "header", "code"),
    [
        (9_000, 8_000, "long_target"),
        (7_000, 10_000, "headers"),
        (17_000, 0, "long_target"),
        (9_000, 6_000, "not_found"),
    ],
)
def test_address_and_headers_share_their_limit_and_the_longer_one_is_named(
    server: Server, target: int, header: int, code: str
) -> None:
    answer = ask(server.port, request("GET", f"/{'a' * target}", own(server), f"X: {'b' * header}"))
    refused(answer, code)
    assert (answer.header("connection") == "close") == (code != "not_found")


def test_a_refusal_before_the_request_was_whole_ends_its_connection(server: Server) -> None:
    too_large = request("POST", "/say", own(server), "Content-Type: text/plain", body=b"x" * 70_000)
    for sent in (request("FROB", "/", own(server)), request("GET", "/", own(server), "Bad Header: x"), too_large):
        assert ask(server.port, sent).header("connection") == "close"
