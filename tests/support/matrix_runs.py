"""Runs cells of a matrix, spread evenly, and exits with 1 if one was left broken.

`scripts/matrix N`: on the rate limiter; `--docker`: on containers; `--show-file`: on all faults of a show file.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.matrix import Cell, SystemUnderTest, run_cell
from tests.support.matrix_containers import CELLS as CONTAINER_CELLS
from tests.support.matrix_containers import ContainerSystem
from tests.support.matrix_limiter import CELLS as LIMITER_CELLS
from tests.support.matrix_limiter import LimiterSystem
from tests.support.matrix_show_file import CELLS as SHOW_FILE_CELLS
from tests.support.matrix_show_file import ShowFileSystem


def main() -> int:
    """Runs cells, spread evenly, and says of each that failed why; 0 when nothing was left broken."""
    parser = argparse.ArgumentParser(prog="scripts/matrix", description=__doc__)
    parser.add_argument("runs", type=int, nargs="?", default=0, help="how many cells to run (each once)")
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--docker", action="store_true", help="containers instead of the rate limiter")
    modes.add_argument("--show-file", action="store_true", help="the faults of a show file instead")
    parser.add_argument("--only", default="", help="cells whose name holds this")
    asked = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGHUP):
        # Started in the background, these may be ignored; the servers would inherit that.
        signal.signal(number, signal.SIG_DFL)
    known = CONTAINER_CELLS if asked.docker else SHOW_FILE_CELLS if asked.show_file else LIMITER_CELLS
    cells = [cell for cell in known if asked.only in str(cell)]
    if not cells:
        parser.error(f"no cell's name holds {asked.only!r}")
    runs = asked.runs or len(cells)
    with tempfile.TemporaryDirectory(prefix="matrix-") as scratch:
        os.environ["XDG_STATE_HOME"] = str(_folder(Path(scratch), "state"))
        system = _system(asked)
        try:
            broken = [number for number in range(runs) if not _passes(system, cells, number, Path(scratch))]
        finally:
            system.end()
    print(f"{len(broken)} left broken of {runs} ({len(cells)} cells)")
    return 1 if broken else 0


def _system(asked: argparse.Namespace) -> SystemUnderTest:
    if asked.show_file:
        return ShowFileSystem()
    return ContainerSystem() if asked.docker else LimiterSystem("matrix")


def _passes(system: SystemUnderTest, cells: Sequence[Cell], number: int, scratch: Path) -> bool:
    cell = cells[number % len(cells)]
    started = time.monotonic()
    try:
        run_cell(system, cell, _folder(scratch, f"run-{number}"))
    except AssertionError as error:
        print(f"{number + 1:4}  {cell}: {str(error)[:2000]}", flush=True)
        return False
    print(f"{number + 1:4}  {cell}: whole after {time.monotonic() - started:.1f} s", flush=True)
    return True


def _folder(scratch: Path, name: str) -> Path:
    folder = scratch / name
    folder.mkdir(mode=0o700)
    return folder


if __name__ == "__main__":
    sys.exit(main())
