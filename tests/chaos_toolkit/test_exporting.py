"""A show file becomes an experiment that the real Chaos Toolkit accepts, and a played show a journal that it reads."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from chaoslib import substitute
from chaoslib.experiment import ensure_experiment_is_valid

from demo.chaos_toolkit.experiment import read_experiment
from demo.chaos_toolkit.exporting import Exported, export_show
from demo.chaos_toolkit.importing import import_experiment
from demo.chaos_toolkit.run_journal import make_journal
from demo.show import events as e
from demo.show.events import JournalEntry
from demo.showfile.show import Show, load_show
from demo.showfile.source import parse_source
from tests.chaos_toolkit.corpus import EXPERIMENTS
from tests.chaos_toolkit.toolkit import report, validate
from tests.support.demo_command import run_demo

SHOW = """\
---
title: Blue is scaled away
secrets: {TOKEN: {env: SHOP_TOKEN}}
processes:
  web: {run: [python3, -m, http.server, "18080"], port: 18080}
probes:
  shop:
    title: The shop answers
    http: http://127.0.0.1:18080/
    headers: {Authorization: "Bearer ${TOKEN}"}
  disk: {run: [test, -e, "a b"], up: 'exit in (0, 1)'}
  words: {http: "http://127.0.0.1:18080/x", up: 'text matches /a\\/b$/'}
  cache: {redis: "redis://127.0.0.1:1/"}
groups: {all-of-it: [shop, disk]}
faults:
  blue-gone:
    title: Blue is gone
    before: {old-size: [echo, "3"]}
    run: [echo, "to $5 $${HOME}"]
    undo: [[echo, "${old-size}"], {http: {url: "http://127.0.0.1:18080/", method: DELETE, body: {a: "$x"}}}]
    healed: shop is up
    duration: ~
  stuck: {container: {name: db, do: pause}}
  killed: {process: {name: web, do: kill}}
---

# Begin

---

```yaml
hypothesis: Nobody notices
expect: all-of-it is up and words is up and cache is up and shop.latency < 1s for 3s
on_enter:
  - countdown: 3
  - say: now
  - fault: blue-gone
  - wait: 2s
  - fault: stuck
  - fault: killed
  - wait_until: shop is down
  - heal
  - run: ["true"]
    name: look
  - http: {url: "http://127.0.0.1:18080/", body: [1, "$"]}
```

# It goes

---

```yaml
hypothesis: A second one
expect: shop is up
```

# Again
"""


def show_of(text: str) -> Show:
    source, problems = parse_source(text, "show.md", None, {})
    show, problems = load_show(source, problems)
    assert show is not None, problems
    return show


@pytest.fixture
def exported() -> Exported:
    return export_show(show_of(SHOW))


def names(activities: list[dict[str, Any]]) -> list[str]:
    return [activity["name"] for activity in activities]


def test_the_prediction_the_steps_and_the_undos_are_in_the_experiment(exported: Exported) -> None:
    experiment = exported.experiment
    hypothesis = experiment["steady-state-hypothesis"]
    assert hypothesis["title"] == "Nobody notices"
    assert {probe["name"]: probe["tolerance"] for probe in hypothesis["probes"]} == {
        "The shop answers": {"type": "range", "target": "status", "range": [200, 299]},
        "disk": [0, 1],
        "words": {"type": "regex", "target": "body", "pattern": "a/b$"},
    }
    assert names(experiment["method"]) == [
        "wait", "Blue is gone", "stuck", "undo: stuck", "undo: Blue is gone (1)", "undo: Blue is gone (2)", "look",
        "http: POST",
    ]  # fmt: skip
    assert names(experiment["rollbacks"]) == ["undo: stuck", "undo: Blue is gone (1)", "undo: Blue is gone (2)"]
    assert [activity.get("pauses") for activity in experiment["method"][:2]] == [{"after": 3.0}, {"after": 2.0}]
    assert experiment["runtime"]["rollbacks"] == {"strategy": "always"}
    assert experiment["secrets"] == {"show": {"TOKEN": {"type": "env", "key": "SHOP_TOKEN"}}}


def test_what_cannot_be_expressed_is_listed(exported: Exported) -> None:
    said = "\n".join(exported.notes)
    for part in (
        "processes: the Chaos Toolkit starts nothing",
        "set SHOP_TOKEN",
        "faults.killed: the Chaos Toolkit itself has no fault by process",
        "shop.latency < 1s",
        "for, within and during",
        "a probe by redis like cache",
        "wait_until: shop is down: it cannot be expressed",
        "say: now: it cannot be expressed",
        "chapter 3: an experiment has one hypothesis",
        "faults.blue-gone: nothing proves there that it was seen and healed: shop is up",
    ):
        assert part in said, part


def test_the_chaos_toolkit_fills_in_what_the_show_would_fill_in(exported: Exported) -> None:
    method = exported.experiment["method"]
    values = {"old_size": "3"}
    assert substitute(method[1]["provider"]["arguments"], values, {"show": {"TOKEN": "x"}}) == ["to $5 ${HOME}"]
    rollbacks = exported.experiment["rollbacks"]
    assert substitute(rollbacks[1]["provider"]["arguments"], values, {}) == ["3"]
    assert substitute(rollbacks[2]["provider"]["arguments"], values, {}) == {"a": "$x"}
    assert exported.experiment["configuration"]["old_size"]["provider"]["path"] == "echo"


def test_the_real_chaos_toolkit_accepts_it(tmp_path: Path, exported: Exported) -> None:
    data = json.loads(json.dumps(exported.experiment).replace('"path": "docker"', '"path": "true"'))
    assert validate(data, tmp_path, SHOP_TOKEN="x") == ""
    data["method"][0].pop("name")
    assert "must have a name" in validate(data, tmp_path, SHOP_TOKEN="x")


@pytest.mark.parametrize("name", ["provider 0", "provider 2", "provider 6", "steps 3", "no hypothesis", "nothing"])
def test_what_was_imported_is_exported_again(name: str) -> None:
    imported = import_experiment(read_experiment(EXPERIMENTS[name], "e.json"), "e.json", {})
    ensure_experiment_is_valid(export_show(show_of(imported.text)).experiment)


def entries(*events: e.Event) -> list[JournalEntry]:
    return [JournalEntry(number, 1_800_000_000.0 + number, "page", event) for number, event in enumerate(events, 1)]


def sample(**health: str) -> e.HealthSampled:
    return e.HealthSampled({"nodes": [{"id": name, "health": state} for name, state in health.items()]}, 0.0)


PLAYED = (
    e.ShowOpened("show", ("Begin", "It goes", "Again")),
    sample(shop="up", disk="up", words="up"),
    e.FaultRequested("blue-gone", 1),
    e.FaultStarted("blue-gone", 1, "blue"),
    e.FaultInjected("blue-gone", 1, None),
    e.FaultRequested("killed", 1),
    e.FaultFailed("killed", 1, "it is not ours", touched=False),
    e.FaultDetected("blue-gone", 1, 0.5),
    sample(shop="down", disk="up"),
    e.HealRequested("blue-gone", 1),
    e.FaultHealed("blue-gone", 1),
    e.FaultRecovered("blue-gone", 1, 6.0),
    e.Concluded(2, False, "shop is down, not up."),
    e.ShowClosed(over=True),
)


def test_a_played_show_is_a_journal_with_what_was_seen_and_what_was_not(exported: Exported) -> None:
    journal = make_journal(exported, entries(*PLAYED))
    assert (journal["status"], journal["deviated"], journal["duration"]) == ("completed", True, 13.0)
    assert journal["start"] == "2027-01-15T08:00:01+00:00"
    assert [(run["activity"]["name"], run["status"]) for run in journal["run"]] == [
        ("Blue is gone", "succeeded"), ("killed", "failed"),
    ]  # fmt: skip
    assert journal["run"][0]["output"] == {"seen": True, "detected_after_sec": 0.5, "recovered_after_sec": 6.0}
    assert journal["run"][1]["exception"] == ["it is not ours\n"]
    undone = names([run["activity"] for run in journal["rollbacks"]])
    assert undone == ["undo: Blue is gone (1)", "undo: Blue is gone (2)"]
    before, after = journal["steady_states"]["before"], journal["steady_states"]["after"]
    assert before["steady_state_met"] is True
    assert [run["tolerance_met"] for run in after["probes"]] == [False, True, False]
    assert after["probes"][2]["status"] == "failed"  # nothing was known of it


@pytest.mark.parametrize(("more", "status"), [((e.Halted(),), "aborted"), ((e.Halted(), e.HaltLifted()), "completed")])
def test_a_halt_aborts_it_and_a_server_that_was_killed_interrupts_it(
    exported: Exported, more: tuple[e.Event, ...], status: str
) -> None:
    assert make_journal(exported, entries(*PLAYED, *more))["status"] == status
    assert make_journal(exported, entries(*PLAYED[:-1]))["status"] == "interrupted"


HAS_PLUGIN = importlib.util.find_spec("chaosreport") is not None
"""Looked for, not imported: its libraries change how Python imports."""


@pytest.mark.skipif(not HAS_PLUGIN, reason="NOT TRIED: chaostoolkit-reporting has no wheels for this Python")
@pytest.mark.parametrize("kind", ["markdown", "html"])
def test_the_real_reporting_plugin_reads_it(exported: Exported, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "journal.json"
    path.write_text(json.dumps(make_journal(exported, entries(*PLAYED))))
    text = report(path, kind)
    assert "Nobody notices" in text
    assert "it is not ours" in text
    assert "**Status**                    | completed" in text


def test_it_is_typed_as_documented(tmp_path: Path) -> None:
    (tmp_path / "show.md").write_text(SHOW)
    done = run_demo("export", "show.md", "-o", "out.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out.json").read_text())["title"] == "Blue is scaled away"
    assert done.stderr.startswith("not expressed:\n")
    again = run_demo("export", "show.md", "-o", "out.json", cwd=tmp_path)
    assert (again.returncode, "already" in again.stderr) == (2, True)
    (tmp_path / "bad.md").write_text("---\ntitel: x\n---\n\n# A\n")
    bad = run_demo("export", "bad.md", cwd=tmp_path)
    assert (bad.returncode, bad.stderr.startswith("demo: bad.md:2:1: ")) == (1, True)
    lost = run_demo("export", "show.md", "--journal", "no-such-show", cwd=tmp_path)
    assert (lost.returncode, "no show" in lost.stderr) == (1, True)
    (tmp_path / "x.journal").write_text("no journal at all, but longer than nothing")
    foreign = run_demo("export", "show.md", "--journal", "x.journal", cwd=tmp_path)
    assert foreign.returncode == 1
    assert "Traceback" not in foreign.stderr
