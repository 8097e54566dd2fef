"""What an etcd member's status is read as: ids exact, an absent leader nobody, nonsense unknown."""

from typing import Any

import pytest

from demo.health.etcd import status_of


def test_ids_beyond_a_double_stay_exact() -> None:
    said = {"header": {"member_id": "18360977052578474032"}, "leader": "18360977052578474033", "raftTerm": "7"}
    told = status_of(said)
    assert (told["member"], told["leader"], told["term"]) == ("18360977052578474032", "18360977052578474033", 7)


@pytest.mark.parametrize("leader", [{}, {"leader": "0"}, {"leader": None}, {"leader": 5}])
def test_without_a_leader_nobody_leads(leader: dict[str, Any]) -> None:
    assert status_of({"header": {"member_id": "1"}, **leader})["leader"] == ""


def test_the_log_is_as_far_as_it_was_applied_or_else_as_it_was_written() -> None:
    assert status_of({"raftAppliedIndex": "12", "raftIndex": "15"})["applied"] == 12
    assert status_of({"raftIndex": "15"})["applied"] == 15


@pytest.mark.parametrize("said", [{}, {"header": []}, {"header": {"member_id": 7}}, {"raftTerm": "x", "dbSize": []}])
def test_what_makes_no_sense_is_unknown(said: dict[str, Any]) -> None:
    told = status_of(said)
    assert told["member"] is None
    assert told["term"] is None
    assert told["applied"] is None
    assert told["db_bytes"] is None
