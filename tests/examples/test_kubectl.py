"""The example `kubectl.md`: its commands are understood by the real client, and it is played on a stand-in for it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.showfile.show import open_show
from demo.showfile.trust import list_planned_actions
from tests.support.example_shows import EXAMPLES, copy_example, playing_example
from tests.support.recording_checks import check_reported_and_replayed

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
"""Played on a machine that is busy with other tests, too."""

STAND_IN = Path(__file__).parents[1] / "support" / "stand_in_kubectl.py"
ENOUGH, RELEASE = 2, 4


def install(folder: Path) -> Path:
    """Put the stand-in and its cluster into a folder, under the name that commands call it by."""
    folder.mkdir()
    program = folder / "kubectl"
    program.write_text(f"#!{sys.executable}\n{STAND_IN.read_text()}")
    program.chmod(0o755)
    deployments = [
        {"name": "blue", "replicas": 2, "image": "shop:1"},
        {"name": "green", "replicas": 3, "image": "shop:1"},
    ]
    (folder / "cluster.json").write_text(json.dumps({"deployments": deployments, "pods": []}))
    return folder


def test_what_was_there_before_is_put_back_and_pods_come_and_go(
    tmp_path: Path, state_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bin_folder = install(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")
    with playing_example(copy_example("kubectl", tmp_path), state_home) as example:
        first = _pods(example.show.server.state())
        assert example.play_to_the_end() == {ENOUGH: True, RELEASE: False}
        state = example.show.server.until(lambda state: not state["health"]["has_issues"])
        assert sorted(color for color, _ in _pods(state)) == ["blue", "blue", "green", "green", "green"]
        assert not {pod for pod in _pods(state) if pod[0] == "blue"} & first, "pods are replaced"
    check_reported_and_replayed(state_home)
    deployments = json.loads((bin_folder / "cluster.json").read_text())["deployments"]
    assert [(one["replicas"], one["image"]) for one in deployments] == [(2, "shop:1"), (3, "shop:1")]


def _pods(state: dict[str, Any]) -> set[tuple[str, str]]:
    """Return the colour and name of each pod that has a card."""
    names = [node["id"].removeprefix("pods-") for node in state["health"]["nodes"] if node["id"].startswith("pods-")]
    return {(name.partition("-")[0], name) for name in names}


def commands() -> Iterator[tuple[str, ...]]:
    """Yield every command of the deck, with its blanks filled as they would be."""
    settings = open_show(EXAMPLES / "kubectl.md").settings
    found = [probe.run for probe in settings.probes.values() if probe.run is not None]
    for fault in settings.faults.values():
        assert fault.run is not None
        assert fault.undo is not None
        found += [fault.run, *fault.before.values(), tuple(str(part) for part in fault.undo)]
    for argv in found:
        yield tuple(part.replace("${replicas}", "3").replace("${image}", "shop:1") for part in argv)


def test_the_real_client_understands_every_command_and_only_lacks_a_cluster(tmp_path: Path) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("NOT TRIED: kubectl not found")
    config = tmp_path / "config"
    cluster = {"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}
    context = {"name": "c", "context": {"cluster": "c", "user": ""}}
    config.write_text(
        json.dumps({"apiVersion": "v1", "kind": "Config", "clusters": [cluster], "contexts": [context]})[:-1]
        + ', "current-context": "c"}'
    )
    environ = {"PATH": os.environ["PATH"], "KUBECONFIG": str(config), "HOME": str(tmp_path)}

    def say(argv: tuple[str, ...]) -> str:
        run = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False, timeout=120)
        return run.stdout + run.stderr

    assert "refused" not in say(("kubectl", "scale", "deploy/blue", "--replica=0")), "a wrong one is told apart"
    for argv in commands():
        assert "127.0.0.1:1 was refused" in say(argv), argv


def test_whoever_presents_it_is_told_each_command() -> None:
    told = "\n".join(action.text for action in list_planned_actions(open_show(EXAMPLES / "kubectl.md")))
    for argv in commands():
        assert " ".join(argv[:3]) in told
