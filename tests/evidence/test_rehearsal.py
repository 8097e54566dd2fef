"""`demo rehearse` on real shows of processes: what it measures, what it finds, and how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from demo.evidence.replay_plan import read_plan
from demo.journal.library.recording import Recording
from demo.show import events as e
from tests.support.demo_command import run_demo
from tests.support.proxies import free_ports
from tests.support.servers import wait_for

LIMIT_SEC = 120.0

SHOW = """\
---
title: A web server
processes:
  web: {{run: [{python}, -m, http.server, "{port}", --bind, 127.0.0.1], port: {port}}}
probes:
  web: {{http: "http://127.0.0.1:{port}/", interval: 250ms}}
faults:
  kill-web: {{process: {{name: web, do: kill}}, duration: 1s}}
  pause-web: {{process: {{name: web, do: pause}}, duration: 90s}}
  forbid: {{run: [touch, forbidden], undo: [rm, -f, forbidden], healed: web is up, duration: 90s}}
---
# A web server

---

```yaml
hypothesis: It is back soon
expect: web is up within 20s
budget: 1min
on_enter: [fault: kill-web]
```
# It is killed

First.

<!-- pause -->

Second.

"""

NOBODY_NOTICES = """\
---

```yaml
hypothesis: Nobody notices
expect: web is up
budget: 500ms
on_enter: [fault: kill-web]
```
# Once more
"""

BREAKS = """\
---

```yaml
on_enter: [run: ['false']]
```
# It fails
"""

FORBIDS = """\
---

```yaml
on_enter: [fault: forbid, fault: pause-web]
```
# It waits
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path: the state directory in it holds Unix sockets, whose paths are limited."""
    with tempfile.TemporaryDirectory(prefix="rehearse-") as name:
        yield Path(name)


def write(folder: Path, *more: str) -> Path:
    path = folder / "show.md"
    path.write_text(SHOW.format(python=sys.executable, port=free_ports(1)[0]) + "".join(more))
    return path


def rehearse(show: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    env = dict(os.environ) | {"XDG_STATE_HOME": str(show.parent / "state")}
    return run_demo("rehearse", str(show), "-x", *options, env=env, cwd=show.parent, limit=LIMIT_SEC)


def saved_shows(show: Path) -> list[str]:
    shows = show.parent / "state" / "chaos-stage" / "shows"
    return [path.name for path in shows.iterdir()] if shows.exists() else []


def test_a_show_that_goes_well_has_no_findings_and_leaves_nothing(folder: Path) -> None:
    show = write(folder)
    done = rehearse(show, "--repeat", "2", "--json", "result.json", "--recording", "last.journal")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "No problems found." in done.stdout
    assert done.stdout.endswith("Everything is healed; nothing is left broken.\n")
    assert max(map(len, done.stdout.splitlines())) <= 80
    told = json.loads((folder / "result.json").read_text())
    assert (told["version"], told["ok"], told["runs"], told["findings"]) == (1, True, 2, [])
    first, second = told["chapters"]
    assert (first["machine_sec"], first["held"]) == ({"min": 0.0, "median": 0.0, "max": 0.0}, 0)
    assert (second["held"], second["not_held"], second["actions"]) == (2, 0, ["done", "done"])
    [fault] = told["faults"]
    assert (fault["chapter"], fault["name"], fault["injections"]) == (2, "kill-web", 2)
    # The fault lasts 1 s: the chapter takes that and the recovery. Of two runs, the median lies in the middle.
    machine = second["machine_sec"]
    assert 1.0 < machine["min"] <= machine["max"]
    assert machine["median"] == pytest.approx((machine["min"] + machine["max"]) / 2, abs=0.0011)  # each is rounded
    assert fault["recovered_sec"]["max"] < machine["max"]
    assert told["not_rehearsed"] == ["pause-web", "forbid"]
    assert saved_shows(show) == []
    # A person sees every step of every chapter, and so does the rehearsal.
    story = [entry.event for entry in Recording(folder / "last.journal").entries(samples=False)]
    assert [event.number for event in story if isinstance(event, e.ChapterEntered)] == [1, 2]
    assert [event.step for event in story if isinstance(event, e.StepShown)] == [2]
    # A replay of it waits where a person would have pressed a key.
    moves = [segment.move for segment in read_plan(Recording(folder / "last.journal")).segments]
    assert [(move.kind, move.number, move.step) for move in moves][:2] == [("chapter", 2, 1), ("step", 2, 2)]


def test_a_prediction_that_fails_and_a_budget_that_is_too_small_are_found(folder: Path) -> None:
    show = write(folder, NOBODY_NOTICES)
    done = rehearse(show, "--json", "-", "--junit", "result.xml")
    assert done.returncode == 1
    told = json.loads(done.stdout)  # nothing else is on stdout
    assert told["ok"] is False
    assert [(found["kind"], found["chapter"], found["runs"]) for found in told["findings"]] == [
        ("over-budget", 3, [1]),
        ("prediction", 3, [1]),
    ]
    assert "its prediction held in 0 of 1 run: web is down" in told["findings"][1]["text"]
    suite = ET.fromstring((folder / "result.xml").read_text())
    assert (suite.tag, suite.get("tests"), suite.get("failures")) == ("testsuite", "6", "1")
    cases = {str(case.get("name")): case for case in suite}
    assert list(cases) == [
        "the show as a whole",
        "1. A web server",
        "2. It is killed",
        "2. It is killed: kill-web",
        "3. Once more",
        "3. Once more: kill-web",
    ]
    failed = {name: case.findall("failure") for name, case in cases.items() if len(case)}
    assert list(failed) == ["3. Once more"]
    [failure] = failed["3. Once more"]
    assert "a budget of 0.5 s" in str(failure.text)
    assert "held in 0 of 1 run" in str(failure.get("message"))
    assert float(str(cases["3. Once more"].get("time"))) > 1.0


def test_a_prediction_that_is_meant_to_fail_is_no_finding(folder: Path) -> None:
    show = write(folder, NOBODY_NOTICES.replace("500ms", "1min"))
    assert rehearse(show, "--refuted", "3", "--chapters", "3").returncode == 0
    done = rehearse(show, "--refuted", "2", "--chapters", "2")
    assert done.returncode == 1
    assert "held in 1 of 1 run, though it was expected to be refuted" in done.stdout


def test_only_the_chapters_that_are_asked_for_are_played(folder: Path) -> None:
    show = write(folder, NOBODY_NOTICES)
    done = rehearse(show, "--chapters", "3-", "--json", "-", "--recording", "last.journal")
    assert [chapter["number"] for chapter in json.loads(done.stdout)["chapters"]] == [3]
    story = [entry.event for entry in Recording(folder / "last.journal").entries(samples=False)]
    assert [event.number for event in story if isinstance(event, e.ChapterEntered)] == [1, 3]


def test_an_action_that_fails_is_found_and_the_show_goes_on(folder: Path) -> None:
    show = write(folder, BREAKS, "\n---\n\n# The end\n")
    done = rehearse(show, "--json", "-")
    told = json.loads(done.stdout)
    assert [(found["kind"], found["chapter"]) for found in told["findings"]] == [("action-failed", 3)]
    assert [chapter["actions"] for chapter in told["chapters"]] == [["none"], ["done"], ["failed"], ["none"]]
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--chapters", "4-2"), "--chapters 4-2: write 3-6, 3- (to the end) or 3"),
        (("--chapters", "2-9"), "there are no chapters 2-9 to rehearse: this deck has 1 to 2"),
        (("--refuted", "1"), "--refuted 1: chapter 1 makes no prediction"),
        (("--junit", "nowhere/result.xml"), "there is no folder"),
    ],
)
def test_a_wrong_call_starts_nothing_and_exits_with_2(folder: Path, options: tuple[str, str], why: str) -> None:
    show = write(folder)
    done = rehearse(show, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr
    assert saved_shows(show) == []


def test_a_show_that_may_not_run_is_refused_as_by_serve(folder: Path) -> None:
    show = write(folder)
    env = dict(os.environ) | {"XDG_STATE_HOME": str(folder / "state")}
    done = run_demo("rehearse", str(show), env=env)
    assert (done.returncode, done.stdout) == (1, "")
    assert "add -x (--allow-run)" in done.stderr


def test_ctrl_c_heals_everything_and_tells_what_was_measured(folder: Path) -> None:
    show = write(folder, FORBIDS)
    with subprocess.Popen(
        [sys.executable, "-m", "demo", "rehearse", str(show), "-x", "--repeat", "3", "--junit", "result.xml"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=dict(os.environ) | {"XDG_STATE_HOME": str(folder / "state")},
    ) as process:
        try:
            wait_for((folder / "forbidden").exists, 60.0, lambda: "the fault was not injected")
        finally:
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=LIMIT_SEC)
    assert (process.returncode, stderr) == (1, "")
    assert not (folder / "forbidden").exists()
    assert "A web server: 1 run of 3" in stdout
    assert "The rehearsal was ended before it was complete." in stdout
    assert "nothing is left broken" in stdout
    assert saved_shows(show) == []
    suite = ET.fromstring((folder / "result.xml").read_text())
    assert [case.get("name") for case in suite if len(case)] == ["the show as a whole"]


def test_a_server_that_does_not_start_ends_the_rehearsal_with_its_reason(folder: Path) -> None:
    show = write(folder)
    port = int(show.read_text().split("port: ")[1].split("}")[0])
    with socket.create_server(("127.0.0.1", port)):
        began = time.monotonic()
        done = rehearse(show, "--repeat", "3")
    assert done.returncode == 1
    assert "the system did not start" in done.stdout
    assert "A web server: 1 run of 3" in done.stdout
    assert time.monotonic() - began < LIMIT_SEC


def test_a_text_that_does_not_fit_the_stage_is_found_with_its_line(folder: Path) -> None:
    show = write(folder, f"---\n\n# A long one\n\n{'A few words. ' * 200}\n")
    line = show.read_text().splitlines().index("# A long one") + 1
    done = rehearse(show, "--chapters", "3", "--json", "result.json", "--junit", "result.xml")
    assert done.returncode == 1
    [found] = json.loads((folder / "result.json").read_text())["findings"]
    assert (found["kind"], found["chapter"], found["runs"]) == ("too-long", 3, [])
    assert found["text"].startswith(f"{show}:{line}: its text does not fit the stage at 1280×720: ")
    assert "chapter 3, A long one:" in done.stdout
    assert "1280×720" in (folder / "result.xml").read_text()
    assert "too-long" not in rehearse(show, "--chapters", "2", "--json", "-").stdout, (
        "of the chapters that are asked for"
    )
