"""An imported experiment as a show, against a real process: what really killed it is told from what did not."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos_toolkit.primaries import Primary
from tests.support.crashes import free_port
from tests.support.demo_command import run_demo
from tests.support.servers import Server, serving


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[Primary]:
    found = Primary(tmp_path, free_port())
    try:
        yield found
    finally:
        found.end()


def import_show(experiment: Path) -> Path:
    show = experiment.with_name("show.md")
    done = run_demo("import", str(experiment), "-o", str(show))
    assert done.returncode == 0, done.stderr
    assert run_demo("check", str(show)).returncode == 0
    return show


def fault(state: dict[str, Any]) -> dict[str, Any]:
    (one,) = state["chaos"]
    return dict(one)


def lines(state: dict[str, Any]) -> list[str]:
    return [line["text"] for line in state["log"]]


def go_to_the_method(server: Server) -> None:
    server.until(lambda state: [node["health"] for node in (state["health"] or {}).get("nodes", [])] == ["up"], 40)
    assert server.client.post("/advance?from=1").status_code == 200
    assert server.client.post("/advance?from=2").status_code == 200


def test_a_kill_that_killed_nothing_has_failed_although_the_chaos_toolkit_calls_it_succeeded(
    primary: Primary, state_home: Path
) -> None:
    # `$(<file)` is empty in a shell that is no bash: `kill` fails, and everything goes on.
    show = import_show(primary.experiment({"path": "kill", "arguments": '"$(<primary.pid)"'}))
    pid = primary.pid
    with serving(str(show), "-x", state_home=state_home) as server:
        go_to_the_method(server)
        failed = server.until(lambda state: state["chapter"]["status"] == "failed", 60)
        assert "ended with exit code" in str(failed["log"])
        assert fault(failed)["detected_after_sec"] is None
        assert server.client.post("/advance?from=3").status_code == 200
        server.until(lambda state: any("could not be injected" in line for line in lines(state)), 60)
    os.kill(pid, 0)  # the first one, which nobody has killed


def test_a_kill_is_seen_refutes_the_hypothesis_and_is_undone_by_the_rollbacks(
    primary: Primary, state_home: Path
) -> None:
    show = import_show(primary.experiment({"path": "pkill", "arguments": "--echo -F primary.pid"}))
    pid = primary.pid
    with serving(str(show), "-x", state_home=state_home) as server:
        go_to_the_method(server)
        seen = server.until(lambda state: fault(state)["detected_after_sec"] is not None, 60)
        assert seen["chapter"]["status"] in {"done", "running"}
        server.until(lambda state: state["chapter"]["status"] == "done", 60)
        assert server.client.post("/advance?from=3").status_code == 200
        told = server.until(lambda state: "service is down, not up." in lines(state), 60)
        assert told["chapter"]["number"] == 4
        server.until(lambda state: fault(state)["recovered_after_sec"] is not None, 60)
        server.until(lambda state: any("service is up" in line for line in lines(state)), 60)
    assert primary.pid != pid
    assert primary.is_up()
    (saved,) = state_home.rglob("*.journal")
    done = run_demo("export", str(show), "--journal", str(saved))
    assert done.returncode == 0, done.stderr
    journal = json.loads(done.stdout)
    assert journal["deviated"] is True
    assert journal["steady_states"]["before"]["steady_state_met"] is True
    assert [(run["status"], run["output"]["seen"]) for run in journal["run"]] == [("succeeded", True)]
    assert [run["activity"]["name"] for run in journal["rollbacks"]] == ["undo: kill"]
