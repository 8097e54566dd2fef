"""What the OpenAPI description promises, attacked by schemathesis: every answer is one that it describes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import fetch
from tests.support.paired_devices import OPEN, OpenServer
from tests.support.servers import Server, Stream, serving

pytestmark = pytest.mark.timeout(600)
"""Hundreds of requests from a process of its own, on a machine that is busy with other tests, too."""

ENDLESS = "^/(events|stream)"
"""They are described too, but an answer without an end cannot be compared with anything."""


def attack(server: Server, place: Path, *more: str) -> None:
    """Some hundred requests, the same each time. Raises with the first broken promises and how to repeat them."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"]
    command += ["--exclude-path-regex", ENDLESS, "--max-examples", "25", "--generation-deterministic"]
    command += ["--request-timeout", "10", "--no-color", *more]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout[done.stdout.find("FAILURES") :][:6000]
    paths = fetch.get(f"{server.url}/openapi.json").json()["paths"]
    promised = sum(len(operations) for path, operations in paths.items() if not re.match(ENDLESS, path))
    assert promised >= 30
    assert f"Tested: {promised}" in done.stdout, done.stdout


def still_works(server: Server, headers: dict[str, str]) -> None:
    for path in ("/resume", "/freeze?on=false", "/blackout?on=false", "/goto/1", "/advance?from=1"):
        assert fetch.post(f"{server.url}{path}", headers=headers).status_code == 200
    with Stream(server, "/stream/stage") as stream:
        assert "One truth" in stream.next()["data"]
    assert server.stop() == 0
    assert "Traceback" not in server.output


def test_a_loopback_server_keeps_its_description(tmp_path: Path) -> None:
    with serving("none") as server:
        server.until(lambda state: state["seq"] > 0)
        attack(server, tmp_path)
        still_works(server, {})


def test_an_open_server_keeps_it_for_the_token_and_for_the_audience(tmp_path: Path) -> None:
    with serving("none", *OPEN) as server:
        opened = OpenServer(server)
        attack(server, tmp_path, "--header", f"Authorization: {opened.bearer['Authorization']}")
        before = opened.state()
        attack(server, tmp_path, "--exclude-checks", "positive_data_acceptance")
        after = opened.state()
        for part in ("chapter", "halted", "blackout", "frozen", "log"):
            assert after[part] == before[part], "the audience changed something"
        still_works(server, opened.bearer)


@pytest.mark.parametrize("path", ["/events", "/stream/stage", "/stream/presenter", "/stream/nothing", "/pairing"])
def test_what_schemathesis_does_not_see_answers_as_described(server: Server, path: str) -> None:
    described = server.client.get("/openapi.json").json()
    template = "/stream/{view}" if path.startswith("/stream") else path
    for headers in ({}, {"HX-Request": "true"}):
        with server.client.stream("GET", path, headers=headers) as answer:
            promised = described["paths"][template]["get"]["responses"][str(answer.status_code)]
            if "$ref" in promised:
                promised = described["components"]["responses"][promised["$ref"].rpartition("/")[2]]
            assert answer.headers["content-type"].partition(";")[0] in promised["content"]
    answer = server.client.post("/blackout?on=false", headers={"HX-Request": "true"})
    assert str(answer.status_code) in described["paths"]["/blackout"]["post"]["responses"]
