"""The example `etcd.md`, played to its end on three real members: a follower, the leader, the majority are lost."""

import shutil
from pathlib import Path

import pytest

from tests.support.example_shows import copy_example, playing_example
from tests.support.recording_checks import check_reported_and_replayed

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
"""Played on a machine that is busy with other tests, too."""

FOLLOWER, LEADER, MAJORITY, AGAIN = 2, 3, 5, 6


def test_a_majority_goes_on_without_one_member_and_a_minority_refuses(
    tmp_path: Path, state_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("etcd") is None:
        pytest.skip("NOT TRIED: etcd not found")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with playing_example(copy_example("etcd", tmp_path), state_home) as example:
        assert example.play_to_the_end() == {FOLLOWER: True, LEADER: True, MAJORITY: True, AGAIN: True}
        assert example.show.server.stop() == 0
    check_reported_and_replayed(state_home)
