"""A show file that changed while nobody was there to heal: the next start undoes by what is in the journal."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import Server, serving

SECRET = "SHOW_CHANGED_TOKEN"
NAMES = ("gone", "other", "kind", "guarded")
FRONT = """\
---
title: Changed meanwhile
id: changed-meanwhile
{secrets}probes:
{probes}faults:
{faults}---

# One

Text.
"""
GUARD = f"secrets:\n  token: {{env: {SECRET}}}\n"
GUARDED_PROBE = "  guard: {http: 'http://127.0.0.1:1/${token}'}\n"


def probe(name: str) -> str:
    return f'  {name}-is-away: {{run: [test, "!", -e, {name}], interval: 100ms}}\n'


def fault(name: str, undo: str = "rm, -f", healed: str = "") -> str:
    proof = healed or f"{name}-is-away is up"
    return f"  {name}: {{run: [touch, {name}], undo: [{undo}, {name}], healed: {proof}, duration: 90s}}\n"


@pytest.fixture
def deck(tmp_path: Path) -> Path:
    path = tmp_path / "changed.md"
    faults = "".join(map(fault, NAMES[:3])) + fault("guarded", healed="guard is up")
    probes = "".join(map(probe, NAMES[:3])) + GUARDED_PROBE
    path.write_text(FRONT.format(secrets=GUARD, probes=probes, faults=faults))
    return path


def texts(state: dict[str, Any]) -> list[str]:
    return [line["text"] for line in state["log"]]


def inject_all(server: Server) -> None:
    for name in NAMES:
        assert server.client.post(f"/chaos/{name}").status_code == 202
    server.until(lambda state: [one["state"] for one in state["chaos"]] == ["active"] * len(NAMES), 40)


def start_in_vain(deck: Path, state_home: Path) -> str:
    command = [sys.executable, "-m", "demo", "serve", str(deck), "-x", "--no-open", "--port", "0"]
    environ = {**os.environ, "XDG_STATE_HOME": str(state_home)}
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environ, check=False)
    assert ended.returncode == 1
    return ended.stderr


def test_the_next_start_undoes_by_the_journal_faults_that_were_removed_or_changed(deck: Path, state_home: Path) -> None:
    with serving(str(deck), "-x", state_home=state_home, env={SECRET: "hunter22"}) as server:
        inject_all(server)
        server.kill_with_watchdog()
    assert all(deck.with_name(name).exists() for name in NAMES)
    refused = start_in_vain(deck, state_home)
    assert f"the environment variable {SECRET} is not set: set it and start again" in refused
    assert "An earlier show left this broken: gone (by hand: rm -f gone); other (by hand: rm -f other);" in refused
    changed = fault("other", "touch, wrong") + "  kind: {process: {port: 1, do: pause}}\n"
    deck.write_text(FRONT.format(secrets="", probes=probe("other"), faults=changed))
    with serving(str(deck), "-x", state_home=state_home) as after:
        found = after.until(lambda state: any(text.startswith("guarded, left by") for text in texts(state)), 40)
        assert "gone, left by an earlier server, was healed" in texts(found)
        assert not any(deck.with_name(name).exists() for name in NAMES[:3])
        assert not deck.with_name("wrong").exists()
        after.until(lambda state: [one["state"] for one in state["chaos"]] == ["idle", "idle"], 40)
        why = next(text for text in texts(found) if text.startswith("guarded, left by"))
        assert f"could not be healed: not healed: set {SECRET}" in why
        assert "By hand: rm -f guarded" in why
        after.kill_with_watchdog()  # it would go on trying
