"""The links of a show file: where each node leads to, and how much goes over a link that names a number."""

from collections.abc import Sequence
from typing import Any

from demo.showfile.links import Links, read_links

GROUPS: dict[str, list[str]] = {"api": ["api-1", "api-2"]}


def ids(name: str) -> Sequence[str] | None:
    return GROUPS.get(name)


def sample(**states: str) -> dict[str, Any]:
    nodes: list[dict[str, Any]] = [
        {"id": name, "health": states.get(name.replace("-", "_"), "up"), "metrics": {}}
        for name in ("client", "api-1", "api-2", "db")
    ]
    nodes[3]["metrics"] = {"req/s": 7.0}
    metrics = [{"name": "client.answered", "value": 60.0}, {"name": "client.rate", "value": 1.5}]
    return {"nodes": nodes, "metrics": metrics}


def flows(links: Links, found: dict[str, Any]) -> dict[str, dict[str, float]]:
    links.add_flows(found, ids)
    return {node["id"]: node["flows"] for node in found["nodes"] if "flows" in node}


def test_a_chain_is_a_link_from_each_to_the_next_and_a_name_of_several_stands_for_each() -> None:
    links = read_links(["client -> api -> db", "client->api"])
    assert links.leads_to == {"client": ("api",), "api": ("db",)}
    assert links.ends(ids) == {"client": ["api-1", "api-2"], "api-1": ["db"], "api-2": ["db"]}


def test_the_rate_of_a_load_is_what_was_answered_and_is_shared_by_those_that_are_up() -> None:
    links = read_links(["client -> api: client.rate"])
    assert flows(links, sample()) == {"client": {"api-1": 30.0, "api-2": 30.0}}
    assert flows(links, sample(api_2="down")) == {"client": {"api-1": 60.0, "api-2": 0.0}}


def test_a_flow_may_be_a_number_of_a_card_and_is_left_out_where_it_is_not_known() -> None:
    assert flows(read_links(["api -> db: db.req_s"]), sample()) == {"api-1": {"db": 3.5}, "api-2": {"db": 3.5}}
    assert flows(read_links(["api -> db: db.gone", "client -> nowhere: client.rate"]), sample()) == {"client": {}}


def test_a_link_without_a_flow_adds_nothing() -> None:
    assert flows(read_links(["client -> api"]), sample()) == {}
