"""A sample of the matrix on containers: each step and each end once. `scripts/matrix N --docker` runs any number."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.containers import container_group
from tests.support.matrix import Cell, can_mount, run_cell
from tests.support.matrix_containers import SAMPLE, ContainerSystem

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def system() -> Iterator[ContainerSystem]:
    with container_group():  # skips, or fails, where there is no engine
        system = ContainerSystem()
        yield system
        system.end()


@pytest.mark.parametrize("cell", SAMPLE, ids=str)
def test_nothing_stays_broken(
    cell: Cell, system: ContainerSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    if cell.scenario == "disk-full" and not can_mount():
        assert not os.environ.get("CI"), "a full disk needs a small one to be mounted: run as root"
        pytest.skip("NOT TESTED: a full disk needs root to mount a small one")
    (tmp_path / "run").mkdir()
    run_cell(system, cell, tmp_path / "run")
