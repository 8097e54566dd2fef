"""What a served show tells of its system: in its journal, to programs, and in its report, without secrets."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from demo.journal.library.recording import Recording
from demo.show.system_described import SystemDescribed
from demo.subjects.ratelimiter.redis_server import find_server
from tests.support.demo_command import run_demo
from tests.support.postgres import postgres
from tests.support.relays import redis_server
from tests.support.servers import Server, serving, wait_for
from tests.support.system_description import wait_for_system_description

SECRET = "hunter2hunter2"

SHOW = """\
---
title: Three parts
secrets:
  key: {{env: SHOW_KEY}}
processes:
  web: {{run: [sh, -c, 'exec sleep 1000 # hunter2hunter2'], env: {{KEY: "${{key}}"}}}}
probes:
  cache: {{redis: "redis://127.0.0.1:{redis}"}}
  gone: {{redis: "redis://127.0.0.1:1"}}
  db: {{postgres: "{postgres}"}}
load:
  reads: {{redis: "redis://127.0.0.1:{redis}", rate: 5/s}}
subject: ratelimiter
options: {{load: "2"}}
---

# One

Text.
"""


def journal_in(state_home: Path) -> Path:
    (found,) = state_home.rglob("*.journal")
    return found


def described(state_home: Path) -> list[dict[str, str]]:
    entries = Recording(journal_in(state_home)).entries(samples=False)
    return [dict(entry.event.facts) for entry in entries if isinstance(entry.event, SystemDescribed)]


def installed_version() -> str:
    said = subprocess.run([find_server(), "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    found = re.search(r"v=(\S+)", said)
    assert found
    return found[1]


def until_described(server: Server, state_home: Path, name: str) -> dict[str, str]:
    server.until(lambda state: bool(state["health"]) and any(n["health"] == "up" for n in state["health"]["nodes"]), 30)
    return wait_for(lambda: next((facts for facts in described(state_home) if name in facts), None), 30)


def test_a_rate_limiter_tells_its_redis_and_a_second_server_does_not_tell_the_same_again(state_home: Path) -> None:
    options: tuple[Any, ...] = ("ratelimiter", "-o", "load=2")
    with serving(*options, state_home=state_home) as server:
        facts = until_described(server, state_home, "Redis")
        assert wait_for_system_description(server, "Redis") == facts
        assert "system" not in server.state()
    assert (facts["Redis"], facts["nodes"], facts["option load"]) == (installed_version(), "3", "2.0")
    assert facts["pay-exact"] == "100 in 10 s (exact), 18 requests a second"
    with serving(*options, state_home=state_home) as server:
        server.until(lambda state: bool(state["health"]) and not state["health"]["has_issues"], 30)
        assert server.client.post("/advance").status_code == 200
    assert described(state_home) == [facts]
    report = json.loads(run_demo("report", str(journal_in(state_home)), "--json").stdout)
    assert report["system"] == facts


def test_a_show_file_tells_the_versions_of_what_it_asks_and_no_secret(tmp_path: Path, state_home: Path) -> None:
    path = tmp_path / "three.md"
    with redis_server() as redis, postgres() as database:
        path.write_text(SHOW.format(redis=redis.port, postgres=database.url))
        with serving(str(path), "-x", state_home=state_home, env={"SHOW_KEY": SECRET}) as served:
            facts = until_described(served, state_home, "db")
    assert facts["cache"] == f"Redis {installed_version()}"
    assert "gone" not in facts
    assert facts["db"].startswith("PostgreSQL 1")
    assert (facts["process web"], facts["load reads"]) == ("sh", "redis, 5 a second, timeout 1 s")
    assert (facts["option load"], facts["nodes"]) == ("2", "3")
    report = run_demo("report", str(journal_in(state_home)), "--markdown", "-o", "-").stdout
    assert "| cache | Redis" in report
    assert SECRET not in report
