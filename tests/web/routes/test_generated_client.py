"""What generators and linters of others make of the description: a client that steers a show, and no errors."""

import importlib
import importlib.util
import json
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support.node import LINTERS, require_node
from tests.support.servers import Server, serving
from tests.support.two_lamps import LAMPS

PACKAGE = "generated_client"
KNOWN_GAP = "Unsupported content type text/plain"
"""The generator makes no use of a line as plain text; it takes the JSON that is described beside it."""


@pytest.fixture(scope="module")
def lamps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("lamps")
    (home / "lamps.py").write_text(LAMPS)
    with serving("lamps:Lamps", cwd=home) as server:
        server.until(lambda state: state["seq"] > 0)
        yield server


def require_generator() -> None:
    """Absent: skipped on a user's machine, a failure in CI."""
    if importlib.util.find_spec("openapi_python_client") is None:
        assert not os.environ.get("CI"), "there is no openapi-python-client: it must be tried in CI"
        pytest.skip("NOT TRIED: there is no openapi-python-client, which makes a client of the description")


@pytest.fixture(scope="module")
def client(lamps: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The generated package, all its modules imported."""
    require_generator()
    place = tmp_path_factory.mktemp("generated")
    (place / "config.yaml").write_text("post_hooks: []\n")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--url", f"{lamps.url}/openapi.json"]
    command += ["--meta", "none", "--output-path", str(place / PACKAGE), "--config", str(place / "config.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=place)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert said.count("WARNING") == said.count(KNOWN_GAP) == 1, said
    sys.path.insert(0, str(place))
    try:
        package = importlib.import_module(PACKAGE)
        for module in pkgutil.walk_packages(package.__path__, f"{PACKAGE}."):
            importlib.import_module(module.name)
        yield package
    finally:
        sys.path.remove(str(place))
        for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
            del sys.modules[name]


def call(package: ModuleType, group: str, operation: str, server: Server, *path: object, **fields: Any) -> Any:
    """What the generated function of an operation returns, parsed."""
    module = importlib.import_module(f"{package.__name__}.api.{group}.{operation}")
    with package.Client(base_url=server.url) as client:
        answer = module.sync_detailed(*path, client=client, **fields)
    assert answer.parsed is not None, answer
    return answer.parsed


def fault(state: Any, name: str) -> Any:
    return next(one for one in state.chaos if one.name == name)


def test_a_generated_client_steers_a_show(client: ModuleType, lamps: Server) -> None:
    models = importlib.import_module(f"{PACKAGE}.models")

    def control(operation: str, *path: object, **fields: Any) -> Any:
        found = call(client, "control", operation, lamps, *path, **fields)
        assert isinstance(found, models.State), found
        return found

    state = call(client, "machine", "state", lamps)
    assert isinstance(state, models.State)
    assert (state.chapter.number, state.subject) == (1, "none")
    assert control("advance", from_=1).chapter.number == 2
    stale = call(client, "control", "advance", lamps, from_=1)
    assert (stale.code, stale.status) == (models.ProblemCode.STALE, 409)
    assert control("back").chapter.number == 1
    assert control("goto", 3).chapter.title == "Many hands"
    assert control("say", body=models.SayFields(text="hello room")).said == "hello room"
    assert control("blackout", on=True).blackout
    assert not control("blackout", on=False).blackout
    assert fault(control("inject_fault", "chosen", duration_sec=600.5, target="right"), "chosen").target == "right"
    lamps.until(lambda state: next(one["state"] for one in state["chaos"] if one["name"] == "chosen") == "active")
    running = fault(call(client, "machine", "state", lamps), "chosen")
    assert (running.state, running.duration_sec) == (models.FaultState.ACTIVE, 600.5)
    assert 500 < (running.heals_at - running.injected_at).total_seconds() < 700
    refused = call(client, "control", "inject_fault", lamps, "chosen", target="middle")
    assert (refused.code, refused.detail.rpartition("; ")[2]) == (models.ProblemCode.INVALID, "it has: left, right")
    assert fault(control("heal_fault", "chosen"), "chosen").state in (models.FaultState.HEALING, models.FaultState.IDLE)
    lamps.until(lambda state: next(one["state"] for one in state["chaos"] if one["name"] == "chosen") == "idle")
    assert control("halt").halted
    assert not control("resume").halted


def test_what_is_not_the_state_has_a_type_too(client: ModuleType, lamps: Server) -> None:
    models = importlib.import_module(f"{PACKAGE}.models")
    assert call(client, "machine", "healthz", lamps) == models.Healthz("ok", lamps_version(lamps))
    assert call(client, "access", "list_sessions", lamps) == models.Sessions([])
    pairing = call(client, "access", "show_pairing", lamps)
    assert (pairing.open_, pairing.link, pairing.elsewhere) == (False, None, [])
    revoked = call(client, "access", "revoke_all_sessions", lamps)
    assert (type(revoked), revoked.revoked) == (models.Revoked, 0)


def lamps_version(server: Server) -> str:
    return str(server.client.get("/healthz").json()["version"])


def test_no_generated_name_was_made_up_for_want_of_one(client: ModuleType) -> None:
    models = importlib.import_module(f"{PACKAGE}.models")
    assert [name for name in models.__all__ if re.search(r"\d|Response|Body|AdditionalProperty|Item$", name)] == []


# Linters.


@pytest.fixture(scope="module")
def descriptions(lamps: Server, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    place = tmp_path_factory.mktemp("described")
    (place / "show.json").write_text(lamps.client.get("/openapi.json").text)
    return [str(place / "show.json")]


def lint(name: str, *arguments: str, cwd: Path) -> str:
    node = require_node(LINTERS)
    tool = LINTERS / "node_modules" / ".bin" / name
    environ = dict(os.environ) | {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    command = [node, str(tool.resolve()), "lint", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False, cwd=cwd, env=environ)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_redocly_finds_no_error(descriptions: list[str], tmp_path: Path) -> None:
    assert "valid" in lint("redocly", *descriptions, cwd=tmp_path)


def test_spectral_finds_no_error(descriptions: list[str], tmp_path: Path) -> None:
    (tmp_path / "ruleset.yaml").write_text("extends: spectral:oas\n")
    arguments = ["--ruleset", str(tmp_path / "ruleset.yaml"), "--format", "json", "--quiet", *descriptions]
    found = json.loads(lint("spectral", *arguments, cwd=tmp_path).partition("No results")[0] or "[]")
    assert [one for one in found if one["severity"] == 0] == []
