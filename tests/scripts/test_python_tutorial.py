"""docs/python-tutorial.md: its files are those in docs/examples, and its show breaks and heals real processes."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.processes.ports import free_ports
from tests.scripts.test_docs import ROOT
from tests.scripts.tutorials import blocks, path_with_postgres, readers_folder, run_as_reader
from tests.support import fetch
from tests.support.servers import Server, serving, wait_for

EXAMPLES = ROOT / "docs" / "examples"
TEXT = (ROOT / "docs" / "python-tutorial.md").read_text()


def test_the_tutorial_shows_the_files_that_are_tried_here() -> None:
    shown = "".join(blocks(TEXT, "python"))
    files = [(EXAMPLES / name).read_text() for name in ("shop.py", "shop_show.py")]
    assert re.sub(r"\n+", "\n", shown) == re.sub(r"\n+", "\n", "".join(files))


def test_the_subject_of_the_tutorial_is_as_short_as_it_says() -> None:
    assert 60 <= len((EXAMPLES / "shop_show.py").read_text().splitlines()) <= 120


def test_the_shop_is_frozen_seen_and_healed_beside_a_stand_in_for_psql(folder: Path) -> None:
    stand_in = folder / "bin" / "psql"
    stand_in.parent.mkdir()
    stand_in.write_text("#!/bin/sh\necho 3\n")
    stand_in.chmod(0o755)
    with _show(folder, free_ports(2), f"{stand_in.parent}:{os.environ['PATH']}") as server:
        _freeze(server, "freeze-shop")


def test_postgresql_is_frozen_seen_and_healed(folder: Path) -> None:
    with _postgres(folder) as (ports, path), _show(folder, ports, path) as server:
        assert fetch.get(f"http://127.0.0.1:{ports[0]}/").text == "3 orders\n"
        for _ in range(2):
            assert server.client.post("/advance").status_code == 200
        state = server.until(lambda state: state["chapter"]["status"] == "done", 60)
        assert any(line["text"].startswith("Seen after") for line in state["log"])
        _freeze(server, "freeze-postgres")


def test_the_watchdog_wakes_postgresql_after_a_kill_9_of_the_server(folder: Path) -> None:
    with _postgres(folder) as (ports, path), _show(folder, ports, path) as server:
        assert server.client.post("/chaos/freeze-postgres").status_code == 202
        server.until(lambda state: _fault(state, "freeze-postgres")["state"] == "active")
        server.kill()
        wait_for(lambda: fetch.get(f"http://127.0.0.1:{ports[0]}/", timeout=10).status_code == 200, 30)


@pytest.fixture
def folder() -> Iterator[Path]:
    """The reader's folder with both files."""
    with readers_folder() as place:
        for name in ("shop.py", "shop_show.py"):
            shutil.copy(EXAMPLES / name, place)
        yield place


@contextmanager
def _show(folder: Path, ports: list[int], path: str) -> Iterator[Server]:
    """The shop and the show of it, both as the tutorial starts them."""
    environ = {"PATH": path, "PYTHONPATH": f"{folder}:{ROOT}"}
    run = [sys.executable, "shop.py", *map(str, ports)]
    shop = subprocess.Popen(run, cwd=folder, env=dict(os.environ) | environ, start_new_session=True)
    options = ("-o", f"shop-port={ports[0]}", "-o", f"postgres-port={ports[1]}")
    try:
        with serving("shop_show:ShopShow", *options, env=environ, cwd=folder) as server:
            server.until(_is_all_up, 30)
            yield server
    finally:
        shop.send_signal(signal.SIGCONT)
        shop.kill()
        shop.wait()


def _is_all_up(state: dict) -> bool:  # type: ignore[type-arg]
    health = state["health"]
    return bool(health) and health["freshness"] == "live" and not health["has_issues"]


def _fault(state: dict, name: str) -> dict:  # type: ignore[type-arg]
    return next(fault for fault in state["chaos"] if fault["name"] == name)


def _freeze(server: Server, name: str) -> None:
    """Fire a fault by hand; it is seen, heals by itself and its recovery is measured."""
    server.until(_is_all_up, 30)
    assert server.client.post(f"/chaos/{name}").status_code == 202
    state = server.until(lambda state: _fault(state, name)["recovered_after_sec"] is not None, 60)
    assert _fault(state, name)["detected_after_sec"] is not None


@contextmanager
def _postgres(folder: Path) -> Iterator[tuple[list[int], str]]:
    """PostgreSQL as the tutorial sets it up, on a free port; its ports and PATH."""
    path, ports = path_with_postgres(), free_ports(2)
    commands = next(block for block in blocks(TEXT, "sh") if block.startswith("initdb "))
    run_as_reader(commands.replace("55432", str(ports[1])), folder, path)
    try:
        yield ports, path
    finally:
        run_as_reader("pg_ctl -D db -m immediate stop", folder, path)
