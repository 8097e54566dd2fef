"""A sample of the matrix: each cell once. `scripts/matrix N` runs it N times over."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.matrix import CELLS, Cell, Stand, can_mount, run_cell

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    runtime = tmp_path_factory.mktemp("run")
    runtime.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(runtime))
        stand = Stand("matrix")
        try:
            yield stand
        finally:
            stand.end()


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_nothing_stays_broken(cell: Cell, stand: Stand, tmp_path: Path) -> None:
    if cell.what == "disk-full" and not can_mount():
        assert not os.environ.get("CI"), "a full disk needs a small one to be mounted: run as root"
        pytest.skip("NOT TESTED: a full disk needs root to mount a small one")
    run_cell(stand, cell, tmp_path)
