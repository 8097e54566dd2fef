"""The example `patroni.md`, played to its end: the primary dies, is cut off, and loses its consensus store."""

import shutil
from pathlib import Path

import pytest

from tests.support.example_shows import copy_example, playing_example
from tests.support.recording_checks import check_reported_and_replayed

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
"""Played on a machine that is busy with other tests, too."""

DIES, CUT_OFF, NO_STORE, STORE_AGAIN = 2, 4, 5, 6


def test_a_lease_decides_who_may_write_and_nobody_may_without_its_store(tmp_path: Path, state_home: Path) -> None:
    lacking = [name for name in ("patroni", "etcd", "haproxy") if shutil.which(name) is None]
    if lacking := lacking + ([] if any(Path("/usr/lib/postgresql").glob("*/bin/initdb")) else ["initdb"]):
        pytest.skip(f"NOT TRIED: {', '.join(lacking)} not found")
    with playing_example(copy_example("patroni", tmp_path), state_home) as example:
        assert example.play_to_the_end() == {DIES: True, CUT_OFF: True, NO_STORE: True, STORE_AGAIN: True}
        assert example.show.server.stop() == 0
    check_reported_and_replayed(state_home)
