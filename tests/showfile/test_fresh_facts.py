"""A healer without a show asks given probes once, from the plain JSON of a plan."""

import json
from typing import Any

import pytest

from demo.conditions import parse
from demo.errors import InvalidValue
from demo.showfile.fresh_facts import fresh_facts
from demo.showfile.schema.probes import ProbeSettings
from tests.showfile.answering import answering, probe

pytestmark = pytest.mark.anyio


def stored(**settings: Any) -> Any:
    """The settings as a plan on disk has them."""
    return json.loads(json.dumps(probe(**settings).model_dump(mode="json", by_alias=True)))


async def test_the_json_of_a_probe_asks_what_the_probe_asks() -> None:
    async with answering(x=200, m=[{"n": "a"}, {"n": "b"}]) as (server, sources):
        probes = {
            "api": stored(http=server.url("/x"), retries="5", start_period="1h"),
            "dead": stored(http=server.url("/no"), retries="5"),
            "pod": stored(http=server.url("/m"), each="$[*]", id="n", up="status == 200"),
        }
        assert ProbeSettings.model_validate(probes["api"]) == probe(
            http=server.url("/x"), retries="5", start_period="1h"
        )
        facts = await fresh_facts(probes, sources, {"some": ["api", "pod"]}, {"pod": ["c"]})
    for condition in ("api is up", "dead is down", "count(pod up) == 2", "count(pod down) == 1", "count(some up) == 3"):
        assert parse(condition).truth(facts) is True, condition
    assert server.asked == {"/x": 1, "/no": 1, "/m": 1}


async def test_one_that_hangs_costs_its_own_timeout_and_no_other_answer() -> None:
    async with answering(x=200, slow=200) as (server, sources):
        server.hangs.add("/slow")
        probes = {"api": probe(http=server.url("/x")), "slow": probe(http=server.url("/slow"), timeout="200ms")}
        facts = await fresh_facts(probes, sources)
    assert parse("api is up and slow is down").truth(facts) is True


async def test_what_a_show_expected_is_told_as_json_and_expected_again() -> None:
    async with answering(m=[{"n": "a"}, {"n": "b"}]) as (server, sources):
        probes = {"pod": probe(http=server.url("/m"), each="$[*]", id="n")}
        before = await fresh_facts(probes, sources)
        expected = json.loads(json.dumps(before.expected()))
        assert expected == {"pod": ["a", "b"]}
        server.answers["/m"] = [{"n": "a"}]
        assert parse("all up").truth(await fresh_facts(probes, sources)) is True
        assert parse("all up").truth(await fresh_facts(probes, sources, expected=expected)) is False


async def test_json_that_is_no_probe_is_refused() -> None:
    async with answering() as (_, sources):
        with pytest.raises(InvalidValue, match="probe bad"):
            await fresh_facts({"bad": {"http": "ftp://x"}}, sources)
