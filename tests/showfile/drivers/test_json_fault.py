"""Faults by one value in a JSON document, on a real HTTP service."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pytest

from demo.errors import FaultError
from demo.showfile.drivers import DriverContext, Secrets, build_drivers
from demo.showfile.schema.front_matter import FrontMatter
from demo.showfile.yaml_reader import read_yaml
from demo.types import FaultDriver
from demo.watchdog.undo import has_landed, undo
from tests.showfile.drivers.json_service import JsonService, serving
from tests.showfile.drivers.plain_probes import ask

pytestmark = pytest.mark.anyio

DOCUMENT = {"flags": {"pay": True, "search": True}, "routes": [{"to": "blue", "weight": 90}, {"to": "green"}]}
ENVIRON = {"API_TOKEN": "hunter2"}


def drivers(
    service: JsonService, environ: Mapping[str, str] = ENVIRON, **values: Mapping[str, Any]
) -> tuple[FaultDriver, ...]:
    """Return a driver for each of these faults, given by `path` and `value`."""
    shared = {"url": f"{service.url}/doc", "headers": {"Authorization": "Bearer ${token}"}}
    faults = {name: {"json": shared | dict(given)} for name, given in values.items()}
    settings = FrontMatter.model_validate({"faults": faults, "secrets": {"token": {"env": "API_TOKEN"}}})
    return build_drivers(settings, DriverContext(ask, secrets=Secrets({"token": "API_TOKEN"}, environ)))


async def test_only_the_changed_value_is_put_back_whatever_others_have_changed_meanwhile() -> None:
    for method in ("PUT", "PATCH"):
        async with serving(json.loads(json.dumps(DOCUMENT))) as service:
            (no_pay,) = drivers(service, no_pay={"path": "$.flags", "value": {"pay": False}, "method": method})
            plan = await no_pay.plan()
            assert "hunter2" not in json.dumps(asdict(plan))
            await no_pay.inject(plan)
            assert service.document["flags"] == {"pay": False}
            assert not await no_pay.is_healed(plan)
            assert await has_landed(no_pay, plan)
            service.document["owner"] = "somebody else"
            assert await undo(no_pay, plan) is None
            assert service.document == DOCUMENT | {"owner": "somebody else"}


async def test_faults_on_one_document_overlap_and_end_in_any_order() -> None:
    async with serving(json.loads(json.dumps(DOCUMENT))) as service:
        pay, weight = drivers(
            service,
            pay={"path": "$.flags.pay", "value": False},
            weight={"path": "$.routes[?@.to == 'blue'].weight", "value": 0},
        )
        plans = [await pay.plan(), await weight.plan()]
        await pay.inject(plans[0])
        await weight.inject(plans[1])
        # An element in front moves the other one: the path still finds it.
        service.document["routes"].insert(0, {"to": "canary"})
        assert await undo(pay, plans[0]) is None
        assert service.document["routes"][1]["weight"] == 0, "the other fault is still in place"
        assert await undo(weight, plans[1]) is None
        assert service.document == {**DOCUMENT, "routes": [{"to": "canary"}, *DOCUMENT["routes"]]}


async def test_a_second_fault_on_the_same_value_is_refused_until_the_first_is_healed() -> None:
    async with serving({"weight": 1}) as service:
        first, second = drivers(
            service, first={"path": "$.weight", "value": 2}, second={"path": "$['weight']", "value": 3}
        )
        plan = await first.plan()
        await first.inject(plan)
        with pytest.raises(FaultError, match="the fault first has changed"):
            await second.plan()
        assert await undo(first, plan) is None
        await second.plan()


async def test_a_value_that_somebody_else_has_set_since_is_theirs_to_keep() -> None:
    async with serving({"weight": 1}) as service:
        (driver,) = drivers(service, weight={"path": "$.weight", "value": 2})
        plan = await driver.plan()
        await driver.inject(plan)
        service.document["weight"] = 7
        assert await undo(driver, plan) is None
        assert service.document == {"weight": 7}


async def test_a_document_that_changes_between_reading_and_writing_is_read_again() -> None:
    async with serving({"weight": 1}) as service:
        (driver,) = drivers(service, weight={"path": "$.weight", "value": 2})
        plan = await driver.plan()
        service.before_write = [lambda document: document.update(owner="a")]
        await driver.inject(plan)
        assert service.document == {"weight": 2, "owner": "a"}
        service.before_write = [lambda document, at=at: document.update(owner=at) for at in range(9)]
        with pytest.raises(FaultError, match="changed 5 times meanwhile"):
            await driver.heal(plan)
        service.before_write = []
        assert await undo(driver, plan) is None


async def test_a_document_that_is_gone_needs_no_undo_and_one_that_cannot_be_read_is_not_healed() -> None:
    async with serving({"weight": 1}) as service:
        (driver,) = drivers(service, weight={"path": "$.weight", "value": 2})
        plan = await driver.plan()
        await driver.inject(plan)
        (no_secret,) = drivers(service, {}, weight={"path": "$.weight", "value": 2})
        assert "not healed: set API_TOKEN" in str(await undo(no_secret, plan))
        service.token = "another"
        why = await undo(driver, plan)
        assert why is not None
        assert "was answered with 401" in why
        assert "hunter2" not in why
        assert "By hand: set $.weight to 1 by PUT http://127.0.0.1" in why
        service.gone = True
        assert await undo(driver, plan) is None
    with pytest.raises(FaultError, match="could not be sent"):
        await driver.heal(plan)


async def test_what_cannot_be_changed_or_would_show_nothing_is_refused_in_advance() -> None:
    async with serving(json.loads(json.dumps(DOCUMENT))) as service:
        for path, value, why in (
            ("$.flags.*", 1, "finds 2 values"),
            ("$.nothing", 1, "there is nothing at"),
            ("$.flags.pay", True, "has the fault's value already"),
            ("flags", 1, "is not a valid JSONPath"),
        ):
            (driver,) = drivers(service, refused={"path": path, "value": value})
            with pytest.raises(FaultError, match=why):
                await driver.plan()
        # 1 is not true: that is a change.
        (driver,) = drivers(service, number={"path": "$.flags.pay", "value": 1})
        await driver.plan()
        assert set(service.requests) == {"GET /doc"}


async def test_a_value_that_is_written_without_quotes_is_a_number_or_a_switch() -> None:
    written = """
faults:
  number: {json: {url: "http://x", path: $.a, value: 0}}
  words: {json: {url: "http://x", path: $.a, value: "0"}}
  switch: {json: {url: "http://x", path: $.a, value: {on: false, none: null, list: [1.5, x]}}}
  body: {http: {url: "http://x", body: {weight: 3}}, ends: 1s}
"""
    read, problems = read_yaml(written, "show.md")
    assert read is not None
    assert problems == []
    faults = FrontMatter.model_validate(read.data).faults
    values = [fault.json_.value if fault.json_ else fault.http and fault.http.body for fault in faults.values()]
    assert values == [0, "0", {"on": False, "none": None, "list": [1.5, "x"]}, {"weight": 3}]
    assert type(values[0]) is int
