"""A sample of the matrix on a show file: each step and each end once. `scripts/matrix N --show-file` runs more."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.matrix import Cell, can_mount, run_cell
from tests.support.matrix_show_file import SAMPLE, ShowFileSystem

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state directory of all cells: what the show owns is found there."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def system(state: Path) -> Iterator[ShowFileSystem]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(state))
        system = ShowFileSystem()
    yield system
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(state))
        system.end()


@pytest.mark.parametrize("cell", SAMPLE, ids=str)
def test_nothing_stays_broken(
    cell: Cell, system: ShowFileSystem, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    if cell.scenario == "disk-full" and not can_mount():
        assert not os.environ.get("CI"), "a full disk needs a small one to be mounted: run as root"
        pytest.skip("NOT TESTED: a full disk needs root to mount a small one")
    run_cell(system, cell, tmp_path)
