"""The pure parts of TiKV on stage: who leads, PD's word and its lag, whose canary keys, who belongs to the cluster."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from demo.clock import CLOCK
from demo.errors import UsageError
from demo.probes.periodic import Pulse
from demo.probes.result import Reading
from demo.subjects.cluster.members import Member, natural_key
from demo.subjects.registry import load
from demo.subjects.tikv.chapter_actions import of_pd, pd_word
from demo.subjects.tikv.client.kv_store import MAX_KEYS, some_keys
from demo.subjects.tikv.client.region_cache import KeyRegion
from demo.subjects.tikv.pd_status import PdStatus, PdStatusTracker, leader_of
from demo.subjects.tikv.prometheus_qps import QUERY
from demo.subjects.tikv.region_leaders import LeaderTracker, RegionLeader, by_pd, most, read
from demo.subjects.tikv.subject import Tikv
from demo.subjects.tikv.topology import PdInfo, Topology, split

NOW = 1_800_000_000.0
BEYOND = 2**53


def led(store: str, since: float = NOW - 60, at: float = NOW - 0.1, *, holds_load: bool = False) -> RegionLeader:
    return RegionLeader(store, since, at, holds_load)


# Who leads.


def test_who_leads_most_regions_leads_the_story_and_on_equal_terms_who_leads_the_load() -> None:
    assert most([led("a"), led("b"), led("b")], (), NOW, None) == "b"
    assert most([led("a"), led("b")], (), NOW, None) == "a"
    assert most([led("a"), led("b")], (), NOW, "b") == "b"
    assert most([led("a"), led("b"), led("c", holds_load=True)], (), NOW, "b") == "c"


@pytest.mark.parametrize(
    "regions",
    [[], [led("a"), led("")], [led("a"), led("b", at=NOW - 1.5)], [led("a"), led("b"), led("dead")]],
    ids=["nothing known", "one not met yet", "one silent", "one led by the dead"],
)
def test_nobody_leads_while_any_region_has_no_leader(regions: list[RegionLeader]) -> None:
    assert most(regions, ("dead",), NOW, "a") is None


def test_a_new_leader_counts_from_the_moment_at_which_the_last_region_got_one() -> None:
    leads = LeaderTracker()
    before = leads.update([led("a"), led("b")], (), NOW)
    assert (before.name, before.leads, before.regions) == ("a", 1, 2)
    gone = leads.update([led("a"), led("b")], ("a",), NOW + 1)
    assert (gone.name, gone.since, gone.previous) == (None, NOW + 1, "a")
    new = leads.update([led("c", NOW + 3, NOW + 3.2), led("b", at=NOW + 3.2)], ("a",), NOW + 3.3)
    assert (new.name, new.since, new.previous) == ("b", NOW + 3, "a")
    assert leads.update([led("c", NOW + 3, NOW + 4), led("b", at=NOW + 4)], ("a",), NOW + 4) == new


def test_a_store_that_nobody_can_name_leads_nothing() -> None:
    uptime = CLOCK.to_uptime(NOW)
    told = {"regions": [{"region": "2", "store": "7", "since": uptime, "at": uptime, "holds_load": True}]}
    assert read(told, {"7": "tikv0"}) == [RegionLeader("tikv0", NOW, NOW, True)], "the client process tells uptimes"
    assert read(told, {}) == [RegionLeader("", NOW, NOW, True)]
    assert read({}, {}) == []


def test_while_the_client_does_not_tell_pds_count_says_who_leads_from_when_that_was_seen() -> None:
    leads = LeaderTracker()
    assert leads.update(by_pd({"a": 2, "b": 1}, NOW), (), NOW).name == "a"
    assert leads.update(by_pd({"a": 2, "b": 1}, NOW + 1), ("a",), NOW + 1).name is None
    new = leads.update(by_pd({"b": 3}, NOW + 3), ("a",), NOW + 3)
    assert (new.name, new.since, new.leads) == ("b", NOW + 3, 3)
    assert leads.update(by_pd({"b": 3}, NOW + 4), ("a",), NOW + 4).since == NOW + 3
    assert len(by_pd({"a": 10**9}, NOW)) < 10_000, "nothing is drawn up by the million"


# PD's word.


def parts() -> Topology:
    made = Topology(lambda: pytest.fail("nothing is asked here"))
    for n in range(3):
        made.add_store(f"tikv{n}", f"tikv{n}:20160", f"tikv{n}:20180")
    return made


def pulse(at: float = NOW - 0.1, **data: Any) -> Pulse:
    async def nothing() -> Reading:
        return Reading()

    made = Pulse(nothing, 1.0, lambda: None)
    made.reading, made.at = Reading(data), at
    return made


def store(ident: int, n: int, state: str | None = "Up", heard: int | None = 1, leads: int | None = 1) -> dict[str, Any]:
    told = {"id": ident, "address": f"tikv{n}:20160", "state": state, "last_heartbeat_ns": heard}
    return told | {"leader_count": leads, "region_count": 3}


def pd(name: str, named: str = "pd0", at: float = NOW - 0.1, **data: Any) -> PdInfo:
    """It answers, and names that leader."""
    member = Member(name, "pd", 2379, lambda _: pytest.fail("nothing is asked here"))
    member.pulse = pulse(at, **({"leader": {"name": named}} if named else {}), **({"troubles": {}} | data))
    return PdInfo(member, name, f"{name}:2379")


ALL = ("pd0", "pd1", "pd2")


def see(words: PdStatusTracker, *living: PdInfo, now: float = NOW, reached: Sequence[str] = ALL) -> PdStatus:
    return words.update(living, reached, parts(), now)


def test_each_part_of_pds_word_comes_from_the_newest_pd_that_gives_it_and_ids_are_text() -> None:
    ident = BEYOND + 1
    older = pd("pd1", at=NOW - 1, members={"members": [{"name": "pd0", "member_id": ident}]}, stores=[store(1, 0)])
    newer = pd("pd0", at=NOW, stores=[store(ident, 0, "Disconnected", leads=2), store(5, 2)], regions=3)
    word = see(PdStatusTracker(), older, newer)
    assert (word.leader, word.members) == ("pd0", {"pd0": str(ident)})
    assert word.stores == {"tikv0": "Disconnected", "tikv2": "Up"}
    assert word.idents["tikv0"] == str(ident)
    assert (word.regions, word.leaders, word.copies) == (3, {"tikv0": 2, "tikv2": 1}, 6)
    assert word.copies_missing(3) == 3


def test_what_pd_said_long_ago_is_not_its_word_any_more() -> None:
    words = PdStatusTracker()
    assert see(words, pd("pd0", at=NOW, stores=[store(1, 0)])).leader == "pd0"
    later = see(words, pd("pd0", at=NOW, stores=[store(1, 0)]), now=NOW + 9)
    assert (later.leader, dict(later.stores), later.regions, later.copies) == ("", {}, None, None)
    assert later.names == {"1": "tikv0"}


def test_the_moment_is_kept_at_which_pd_first_said_a_word() -> None:
    words = PdStatusTracker()
    for at, state in ((NOW, "Up"), (NOW + 1, "Up"), (NOW + 14, "Disconnected"), (NOW + 15, "Disconnected")):
        see(words, pd("pd0", at=at, stores=[store(1, 0, state)]), now=at)
    assert words.reported == {"tikv0": {"word": "Disconnected", "since": NOW + 14}}


# PD's leader.


def named(**told: str) -> dict[str, Reading]:
    return {name: Reading({"leader": {"name": leader}, "troubles": {}}) for name, leader in told.items()}


def test_a_leader_of_pd_that_is_named_and_does_not_answer_is_none() -> None:
    assert leader_of(named(pd0="pd0", pd1="pd0", pd2="pd0"), ALL) == "pd0"
    assert leader_of(named(pd1="pd0", pd2="pd0"), ALL) == ""
    assert leader_of({"pd0": Reading({"troubles": {}}), **named(pd1="pd0", pd2="pd0")}, ALL) == "", "restarted"
    assert leader_of({}, ALL) == ""


def test_the_new_leader_of_pd_counts_as_soon_as_it_says_so_itself() -> None:
    assert leader_of(named(pd1="pd0", pd2="pd2"), ALL) == "pd2"
    assert leader_of(named(pd0="pd0", pd1="pd2", pd2="pd2"), ALL) == "pd2", "a thawed one believes that it still leads"


def test_a_leader_of_pd_that_cannot_be_asked_leads_as_long_as_the_others_get_answers_from_it() -> None:
    told = named(pd1="pd0", pd2="pd0")
    assert leader_of(told, ("pd1", "pd2")) == "pd0", "nobody has asked yet"
    refused = Reading({"leader": {"name": "pd0"}, "troubles": {"stores": "PD has no leader"}})
    assert leader_of({**told, "pd1": refused}, ("pd1", "pd2")) == ""
    answered = Reading({"leader": {"name": "pd0"}, "troubles": {}, "stores": []})
    assert leader_of({"pd1": refused, "pd2": answered}, ("pd1", "pd2")) == "pd0"


# What PD knows, and what it only says.


def test_a_store_that_pd_has_not_heard_of_yet_is_neither_down_nor_recorded_so() -> None:
    words = PdStatusTracker()
    word = see(words, pd("pd0", stores=[store(1, 0, "Down", heard=None), store(4, 1)]))
    assert word.stores == {"tikv0": "no heartbeat yet", "tikv1": "Up"}
    assert set(words.reported) == {"tikv1"}
    assert see(words, pd("pd0", stores=[store(1, 0, heard=5)])).stores == {"tikv0": "Up"}


@pytest.mark.parametrize("name", ["pd1", "pd0"], ids=["another leader", "the same, restarted"])
def test_disconnected_after_a_failover_of_pd_is_not_its_word_until_it_has_heard_of_the_store(name: str) -> None:
    words = PdStatusTracker()
    see(words, pd("pd0", stores=[store(1, 0, heard=300), store(4, 1, heard=301)]))
    see(words, pd("pd2", named="pd0"), now=NOW + 5)
    anew = [store(1, 0, "Disconnected", heard=100), store(4, 1, "Disconnected", heard=100)]
    after = see(words, pd(name, named=name, at=NOW + 12, stores=anew), now=NOW + 12)
    assert set(after.stores.values()) == {"no heartbeat yet"}
    assert words.reported["tikv0"] == {"word": "Up", "since": NOW - 0.1}
    heard = [store(1, 0, "Disconnected", heard=100), store(4, 1, heard=410)]
    after = see(words, pd(name, named=name, at=NOW + 16, stores=heard), now=NOW + 16)
    assert after.stores == {"tikv0": "no heartbeat yet", "tikv1": "Up"}
    late = see(words, pd(name, named=name, at=NOW + 33, stores=heard), now=NOW + 33)
    assert late.stores["tikv0"] == "Disconnected", "it has led for long enough to know"
    assert words.reported["tikv0"] == {"word": "Disconnected", "since": NOW + 33}


def test_a_store_that_died_after_pds_failover_is_disconnected_by_pds_word_in_its_time() -> None:
    words = PdStatusTracker()
    for at, leader, state, heard in (
        (NOW, "pd0", "Up", 300),
        (NOW + 12, "pd1", "Disconnected", 100),
        (NOW + 14, "pd1", "Up", 414),
        (NOW + 30, "pd1", "Up", 424),
        (NOW + 45, "pd1", "Disconnected", 424),
    ):
        see(words, pd(leader, named=leader, at=at, stores=[store(1, 0, state, heard)]), now=at)
    assert words.reported == {"tikv0": {"word": "Disconnected", "since": NOW + 45}}


def test_pds_word_counts_when_it_is_another_one_and_came_after_the_kill() -> None:
    health = {"pd_words": {"tikv0": {"word": "Disconnected", "since": NOW + 14}}}
    assert pd_word(health, "tikv0", NOW) == ("Disconnected", 14.0)
    assert pd_word(health, "tikv0", NOW + 15) is None
    assert pd_word(health, "tikv1", NOW) is None
    assert pd_word({"pd_words": {"tikv0": {"word": "Up", "since": NOW + 14}}}, "tikv0", NOW) is None
    assert pd_word(None, "tikv0", NOW) is None
    assert pd_word(health, "tikv0", None) is None
    assert of_pd("Disconnected", 14.2) == "PD reported Disconnected after 14 s."


def test_without_a_count_of_regions_no_copy_is_missing() -> None:
    assert PdStatus().copies_missing(3) == 0
    assert replace(PdStatus(), regions=1, copies=3).copies_missing(3) == 0
    assert replace(PdStatus(), regions=1, copies=1).copies_missing(3) == 2


# Keys and addresses.


def region(start: bytes, end: bytes = b"") -> KeyRegion:
    return KeyRegion(2, start, end, 1, 1, (), None)


def test_every_region_gets_a_canary_and_of_very_many_some_at_even_steps() -> None:
    edges = [b"", *(b"%03d" % n for n in range(1, 100)), b""]
    regions = [region(start, end) for start, end in pairwise(edges)]
    assert len(some_keys(regions[:16])) == 16
    keys = some_keys(regions)
    assert len(keys) <= MAX_KEYS
    assert keys[-1] > b"09"
    assert some_keys([region(b"a", b"a\0")]) == []


@pytest.mark.parametrize(
    ("address", "halves"),
    [
        ("pd0:2379", ("pd0", 2379)),
        ("[::1]:2379", ("::1", 2379)),
        ("pd0", ("pd0", 0)),
        ("pd0:x", ("pd0:x", 0)),
        ("", ("", 0)),
        ("a:999999", ("a:999999", 0)),
    ],
)
def test_an_address_has_two_halves_or_no_port(address: str, halves: tuple[str, int]) -> None:
    assert split(address) == halves


def test_cards_stand_in_the_order_of_their_numbers() -> None:
    assert sorted(["store-10", "tikv", "store-4", "pd-0", "store-1"], key=natural_key) == [
        *("pd-0", "store-1", "store-4", "store-10", "tikv")
    ]
    made = Topology(lambda: pytest.fail("nothing is asked here"))
    for n in (2, 0, 1):
        made.add_store(f"tikv{n}", f"tikv{n}:20160", f"tikv{n}:20180")
        made.add_pd(f"pd{n}", f"pd{n}", f"pd{n}:2379")
    assert [store.member.id for store in made.stores] == ["tikv0", "tikv1", "tikv2"]
    assert [one.member.id for one in made.pds] == ["pd0", "pd1", "pd2"]


def test_of_very_many_stores_each_is_asked_more_rarely() -> None:
    made = Topology(lambda: pytest.fail("nothing is asked here"))
    for n in range(400):
        made.add_store(f"store-{n}", f"h{n}:20160", f"h{n}:20180")
    assert sum(1 / store.member.every_sec for store in made.stores) < 600


def test_prometheus_is_asked_for_a_rate_over_more_than_two_of_its_scrapes() -> None:
    """PingCAP's scrapes every 15 s."""
    ranges = re.findall(r"\[(\d+)m\]", QUERY)
    assert ranges
    assert int(ranges[0]) * 60 >= 2 * 15


# Options.


def test_options_that_make_no_sense_are_refused_in_a_sentence() -> None:
    for clash in ({"keep": True}, {"attach": "some"}, {"pd": ["pd0"]}):
        with pytest.raises(UsageError, match="leave out --attach, --pd and --keep"):
            load("tikv", tiup=True, **clash)
    with pytest.raises(UsageError, match="port-offset moves the ports of a playground: give --tiup too"):
        Tikv(port_offset=1000)
    with pytest.raises(UsageError, match="load must be between 1 and 5000"):
        Tikv(load=0)
    for text in ("", "http://", "ftp://pd0:2379", "http://pd0:99999", "http://pd0:2379?x=1"):
        with pytest.raises(UsageError, match=r"--pd takes the URL of a server, like http://127.0.0.1:2379, not"):
            load("tikv", pd=[text])
    with pytest.raises(UsageError, match="--prometheus takes the URL"):
        load("tikv", prometheus="http://")


def test_a_pd_may_be_named_without_a_scheme() -> None:
    assert load("tikv", pd=["pd0:2379"]).description == "TiKV, a running cluster"


def test_the_stage_profile_is_said_in_the_deck_and_beside_the_title() -> None:
    subject = Tikv()
    assert "stage profile" in subject.description
