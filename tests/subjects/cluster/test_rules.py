"""The pure parts of a cluster on stage: who leads, what was measured, whose the project is, what a card says."""

import asyncio
import os
import platform
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from demo.clock import CLOCK
from demo.compose import ownership
from demo.container_engine.container import Container
from demo.container_engine.event_watch import WatchedContainer
from demo.probes.periodic import Pulse
from demo.probes.result import Reading
from demo.processes.child import start_time_of
from demo.subjects.cluster.canary import longest_gap
from demo.subjects.cluster.cards import client_cards, health_of
from demo.subjects.cluster.cluster import Cluster
from demo.subjects.cluster.deployment import ExternalDeployment
from demo.subjects.cluster.leadership import LeaderReport, Leadership, elected
from demo.subjects.cluster.members import Member, address_of, is_called
from demo.subjects.cluster.verdicts import Run, elected_sec, of_election, of_kill
from demo.types import Measured

NOW = 1_800_000_000.0


def container(**changes: Any) -> Container:
    plain = Container("a" * 64, "demo-etcd-1", {}, "running", {}, None, "", {})
    return replace(plain, **changes)


# Who leads.


def test_the_newest_term_says_who_leads_and_an_older_one_is_history() -> None:
    assert elected([LeaderReport("a", "a", 3), LeaderReport("b", "b", 4), LeaderReport("c", "b", 4)]) == ("b", 4)


def test_nobody_leads_while_the_newest_term_names_nobody_or_two() -> None:
    assert elected([LeaderReport("a", "a", 3), LeaderReport("b", "", 4)]) == (None, 4)
    assert elected([LeaderReport("a", "a", 4), LeaderReport("b", "b", 4)]) == (None, 4)
    assert elected([]) == (None, 0)


def test_a_dead_member_does_not_lead_even_if_all_others_still_follow_it() -> None:
    leadership = Leadership()
    votes = [LeaderReport("b", "a", 3), LeaderReport("c", "a", 3)]
    assert leadership.update(votes, (), 10.0).name == "a"
    gone = leadership.update(votes, ("a",), 11.0)
    assert (gone.name, gone.since, gone.previous) == (None, 11.0, "a")
    new = leadership.update([LeaderReport("b", "c", 4), LeaderReport("c", "c", 4)], ("a",), 12.5)
    assert (new.name, new.term, new.since, new.previous) == ("c", 4, 12.5, "a")
    assert leadership.update([LeaderReport("b", "c", 4)], ("a",), 13.0) == new


def test_members_that_say_nothing_for_a_moment_are_no_news_of_the_leader() -> None:
    leadership = Leadership()
    leadership.update([LeaderReport("b", "a", 3)], (), 10.0)
    assert leadership.update([], (), 11.0) == leadership.update([LeaderReport("b", "a", 3)], (), 12.0)
    assert leadership.now.since == 10.0
    assert leadership.update([], ("a",), 13.0).name is None


def test_a_leader_elected_again_in_a_later_term_is_news() -> None:
    leadership = Leadership()
    leadership.update([LeaderReport("a", "a", 3)], (), 10.0)
    assert leadership.update([LeaderReport("a", "a", 5)], (), 11.0).since == 11.0


# What was measured.


def test_another_leader_counts_only_when_it_came_after_the_kill() -> None:
    health = {"leader": {"id": "b", "since": 105.0}}
    assert elected_sec(health, "a", 103.5) == ("b", 1.5)
    assert elected_sec(health, "a", 106.0) is None
    assert elected_sec(health, "b", 103.5) is None
    assert elected_sec({"leader": {"id": None, "since": 105.0}}, "a", 103.5) is None
    assert elected_sec(None, "a", 103.5) is None
    assert elected_sec(health, "a", None) is None


WELL = Run("a", Measured(0.4, 2.0, 100.0), "b", 1.5, 1.7, {"keys": 200, "missing": 0, "unread": 0})


@pytest.mark.parametrize(
    ("run", "held", "words"),
    [
        (WELL, True, "b led after 1.5 s, 1.7 s without a confirmed write. All 200 written keys still have"),
        (replace(WELL, elected_sec=3.2), False, "b led after 3.2 s, later than 3 s, 1.7 s without"),
        (
            replace(WELL, books={"keys": 200, "missing": 2, "unread": 0}),
            False,
            "2 of 200 keys have lost a confirmed write. b led",
        ),
        (replace(WELL, books={"keys": 200, "missing": 2, "unread": 9}), False, "2 of 200 keys have lost"),
        (replace(WELL, books={"keys": 200, "missing": 0, "unread": 9}), None, "9 of 200 keys could not be read"),
        (replace(WELL, books={"keys": 0, "missing": 0, "unread": 0}), None, "Not measurable"),
        (replace(WELL, books=None, books_trouble="the client process was restarted"), None, "was restarted"),
        (replace(WELL, books=None), None, "Not measurable whether a write was lost"),
        (replace(WELL, elected_sec=None), False, "No other leader was seen"),
        (replace(WELL, measured=Measured(None, None, 100.0)), None, "No effect seen"),
        (replace(WELL, measured=Measured(0.4, None, 100.0)), False, "Not all parts came back. b led after"),
    ],
)
def test_the_verdict_says_what_was_measured_and_what_could_not_be(run: Run, held: bool | None, words: str) -> None:
    found, text = of_kill(run, 3.0)
    assert found is held
    assert words.lower() in text.lower()
    # What refuted a prediction comes first: the stage shows it largest.
    assert found is not False or text.lower().startswith(words.lower())


def test_the_line_on_the_election_names_the_leader_and_the_gap() -> None:
    assert of_election(WELL) == "b leads, 1.5 s after the kill. No write was confirmed for 1.7 s."
    several = replace(WELL, led={"b": 3, "c": 2})
    assert of_election(several).startswith("1.5 s after the kill every region has a leader: b leads 3, c leads 2. No")
    held, text = of_kill(several, 3.0)
    assert held
    assert text.startswith("Every region was led again (b leads 3, c leads 2) after 1.5 s, 1.7 s without")
    in_one = of_election(replace(WELL, where=" in one region"))
    assert in_one.endswith("No write was confirmed in one region for 1.7 s.")
    assert (
        of_election(replace(WELL, elected_sec=None, outage_sec=None)) == "No other leader was seen after a was killed."
    )


def test_the_longest_gap_is_the_longest_on_any_key_that_ended_after_the_moment() -> None:
    moments = [(1.0, 2.0, 9.0, 9.1, 10.4), (1.0, 2.0, 3.0, 4.0, 9.5)]
    assert longest_gap(moments, 0.0) == {"sec": 7.0, "began_at": 2.0}
    assert longest_gap(moments, 9.05) == {"sec": 5.5, "began_at": 4.0}
    assert longest_gap([], 0.0) is None
    assert longest_gap([(1.0,)], 0.0) is None


# Whose it is.


def labelled(value: str) -> Container:
    return container(labels={ownership.LABEL: value})


def test_a_project_belongs_to_nobody_to_us_to_a_living_process_or_was_left() -> None:
    mine = ownership.mine(keep=False)
    other = f"{platform.node()}/1/{start_time_of(1)}"
    gone = f"{platform.node()}/{os.getpid()}/12345"
    assert ownership.claim_on([]) == "nobody's"
    assert ownership.claim_on([labelled(mine)]) == "ours"
    assert ownership.claim_on([labelled(other)]) == "another's"
    assert ownership.claim_on([labelled(gone)]) == "left"
    assert ownership.claim_on([labelled(gone), labelled(other)]) == "another's"
    assert ownership.claim_on([labelled(mine), labelled(other)]) == "another's"
    assert ownership.claim_on([labelled(gone), labelled(mine)]) == "ours", "what was left by halves was completed here"


@pytest.mark.parametrize("value", ["", ownership.KEPT])
def test_what_was_kept_or_bears_no_name_is_never_removed(value: str) -> None:
    assert ownership.claim_on([labelled(ownership.mine(keep=False)), labelled(value)]) == "kept"


def test_a_process_whose_birth_nobody_can_tell_is_not_gone() -> None:
    assert ownership.claim_on([labelled(f"{platform.node()}/{os.getpid()}/0")]) == "another's"


def test_one_show_at_a_time_holds_a_project(tmp_path: Path) -> None:
    mine, other = ownership.ProjectLock("p"), ownership.ProjectLock("p")
    assert mine.acquire("here")
    assert mine.acquire("here")
    assert not other.acquire("here")
    for another, engine in ((ownership.ProjectLock("q"), "here"), (ownership.ProjectLock("p"), "elsewhere")):
        assert another.acquire(engine)
        another.release()
    mine.release()
    assert other.acquire("here")
    other.release()


@pytest.mark.parametrize("value", ["elsewhere/1/2", "nonsense", "a/b/c", f"{platform.node()}/1/x", "//"])
def test_an_owner_nobody_can_judge_is_another_one(value: str) -> None:
    assert ownership.claim_on([labelled(value)]) == "another's"


# What a card says.


async def _nothing() -> Reading:
    return Reading()


def pulse(reading: Reading, at: float, worked_at: float | None = None) -> Pulse:
    made = Pulse(_nothing, 0.5, lambda: None)
    made.reading, made.at = reading, at
    made.worked_at = at if worked_at is None and reading.ok else worked_at or 0.0
    return made


def seen(state: str, since: float, code: int | None = None) -> WatchedContainer:
    return WatchedContainer(container(state=state), state, since, code)


GOOD, BAD = Reading({"x": 1}), Reading(trouble="connection refused")


@pytest.mark.parametrize(
    ("engine", "probe", "health", "words"),
    [
        (seen("running", NOW - 60), pulse(GOOD, NOW - 0.2), "up", ""),
        (seen("exited", NOW - 0.1, 137), pulse(GOOD, NOW - 0.2), "down", "killed"),
        (seen("exited", NOW - 0.1, 0), pulse(GOOD, NOW - 0.2), "down", "stopped"),
        (seen("exited", NOW - 0.1, 2), pulse(GOOD, NOW - 0.2), "down", "ended with code 2"),
        (seen("paused", NOW - 0.1), pulse(GOOD, NOW - 0.2), "down", "frozen"),
        (seen("gone", NOW - 0.1), pulse(GOOD, NOW - 0.2), "down", "removed"),
        (None, pulse(GOOD, NOW - 0.2), "down", "no container"),
        (seen("running", NOW - 2), pulse(BAD, NOW - 0.2, NOW - 9), "starting", "starting"),
        (seen("running", NOW - 0.1), pulse(GOOD, NOW - 0.2), "starting", "starting"),
        (seen("running", NOW - 60), pulse(BAD, NOW - 0.2, NOW - 9), "down", "connection refused"),
        (seen("running", NOW - 60), pulse(BAD, NOW - 0.2), "down", "connection refused"),
        (seen("running", NOW - 60), pulse(GOOD, NOW - 7), "down", "not checked for 7 s"),
    ],
)
def test_the_engines_word_goes_before_a_probe_and_an_old_answer_is_none(
    engine: WatchedContainer | None, probe: Pulse, health: str, words: str
) -> None:
    assert health_of(engine, probe, NOW) == (health, words)


def told(**canary: Any) -> Reading:
    """What the client process says."""
    numbers = {"rate": 100, "per_sec": 100.0, "error_percent": 25.0, "p99_ms": 4.0, "missing": 0}
    return Reading(
        numbers | {"canary": {"takes_writes": True, "last_at": CLOCK.to_uptime(NOW), "write_ms": 2.0, **canary}}
    )


def test_load_counts_what_was_answered_and_writes_tell_since_when_nothing_is_confirmed() -> None:
    load, writes = client_cards(pulse(told(), NOW), NOW)
    assert (load["health"], load["metrics"]["ops/s"]) == ("up", 75.0)
    assert writes["health"] == "up"
    late = told(takes_writes=False, last_at=CLOCK.to_uptime(NOW - 1.2), reason="election")
    _, writes = client_cards(pulse(late, NOW), NOW)
    assert (writes["health"], writes["detail"]) == ("down", "none for 1.2 s: election")


def test_without_the_client_process_nobody_knows_whether_writes_are_taken() -> None:
    load, writes = client_cards(pulse(Reading(trouble="connection refused"), NOW), NOW)
    assert (load["health"], writes["health"]) == ("down", "unknown")


def test_a_confirmed_write_that_is_not_found_is_no_green_card() -> None:
    lost = Reading({**told().data, "missing": 3})
    load, _ = client_cards(pulse(lost, NOW), NOW)
    assert (load["health"], load["detail"]) == ("degraded", "3 confirmed writes not found")


def test_a_member_is_in_the_container_that_has_its_name_as_service_as_name_or_as_alias() -> None:
    service = container(labels={"com.docker.compose.service": "pd0"})
    named = container(name="pd0")
    aliased = container(networks={"net": ("x", "pd0")})
    assert [is_called(one, "pd0") for one in (service, named, aliased)] == [True, True, True]
    assert not is_called(container(name="my-pd0-1", networks={"net": ("pd00",)}), "pd0"), "never by a part of a name"
    assert not is_called(container(), "")


def test_the_last_known_place_of_a_member_outlives_its_container() -> None:
    member = Member("pd0", "pd", 2379, lambda at: pytest.fail("not asked"))
    assert member.update_address(container(name="pd0", ports={2379: ("127.0.0.1", 1), 2380: ("127.0.0.1", 2)}))
    assert not member.update_address(container(name="pd0", state="exited"))
    assert (member.address, member.places) == ("127.0.0.1:1", {2379: "127.0.0.1:1", 2380: "127.0.0.1:2"})
    assert member.update_address(container(name="pd0", ports={2379: ("127.0.0.1", 3)}))
    assert member.places == {2379: "127.0.0.1:3", 2380: "127.0.0.1:2"}


@pytest.mark.parametrize(
    ("published", "address"),
    [
        (("127.0.0.1", 23791), "127.0.0.1:23791"),
        (("0.0.0.0", 23791), "127.0.0.1:23791"),
        (("::", 23791), "[::1]:23791"),
        (("", 23791), "127.0.0.1:23791"),
    ],
)
def test_a_member_is_asked_where_its_port_is_published(published: tuple[str, int], address: str) -> None:
    assert address_of(container(ports={2379: published}), 2379) == address
    assert address_of(container(ports={2379: published}), 2380) == ""


@pytest.mark.anyio
async def test_a_cluster_that_has_ended_is_ended_again_at_once() -> None:
    cluster = Cluster(ExternalDeployment(), (), "demo.subjects.tikv.client.kv_store")
    async with asyncio.timeout(5):
        await cluster.stop()
        await cluster.stop()
