"""Faults by an HTTP request, on a real service: secrets are used, and never shown."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pytest

from demo.conditions import NodeFact
from demo.errors import FaultError
from demo.showfile.drivers import DriverContext, Secrets, build_drivers
from demo.showfile.drivers.protocols import Fill
from demo.showfile.schema.front_matter import FrontMatter
from demo.showfile.schema.probes import ProbeSettings
from demo.types import FaultDriver
from demo.watchdog.undo import has_landed, undo
from tests.showfile.drivers.json_service import JsonService, serving
from tests.showfile.drivers.plain_probes import Nodes

pytestmark = pytest.mark.anyio


def driver(service: JsonService, environ: Mapping[str, str] | None = None, **changed: Any) -> FaultDriver:
    power = {"url": f"{service.url}/power?from=${{token}}", "headers": {"Authorization": "Bearer ${token}"}}
    fault = {
        "http": power | {"method": "DELETE"},
        "undo": [{"http": power | {"method": "PUT"}}],
        "healed": "power is up",
    } | changed
    asked = {"power": {"http": f"{service.url}/doc?${{token}}"}}
    settings = FrontMatter.model_validate(
        {"probes": asked, "faults": {"off": fault}, "secrets": {"token": {"env": "API_TOKEN"}}}
    )

    async def ask(probes: Mapping[str, ProbeSettings], groups: Any, fill: Fill) -> Nodes:
        assert fill(str(probes["power"].http)) == f"{service.url}/doc?hunter2"
        return Nodes({"power": [NodeFact("power", "up" if service.power else "down")]})

    secrets = Secrets({"token": "API_TOKEN"}, {"API_TOKEN": "hunter2"} if environ is None else environ)
    return build_drivers(settings, DriverContext(ask, secrets=secrets))[0]


async def test_a_request_is_sent_and_undone_with_secrets_that_are_in_no_plan() -> None:
    async with serving({}) as service:
        off = driver(service)
        plan = await off.plan()
        stored = json.dumps(asdict(plan))
        assert "hunter2" not in stored
        assert '"secrets": {"token": "API_TOKEN"}' in stored
        await off.inject(plan)
        assert not service.power
        assert await has_landed(off, plan)
        why = await undo(driver(service, {}), plan)
        assert why is not None
        assert "not healed: set API_TOKEN" in why
        assert await undo(driver(service), plan) is None
        assert service.requests == ["DELETE /power", "PUT /power"]


async def test_gone_counts_as_done_only_for_an_undo_and_only_where_the_proof_says_so() -> None:
    async with serving({}) as service:
        off = driver(service)
        plan = await off.plan()
        service.gone = True
        with pytest.raises(FaultError, match=r"DELETE http://127.0.0.1:\d+/power was answered with 410"):
            await off.inject(plan)
        assert await undo(off, plan) is None
        service.power = False
        await off.heal(plan)
        assert not await off.is_healed(plan)


async def test_a_variable_that_is_not_set_and_a_name_without_a_value_are_refused_in_advance() -> None:
    async with serving({}) as service:
        with pytest.raises(FaultError, match="API_TOKEN is not set"):
            await driver(service, {}).plan()
        with pytest.raises(FaultError, match=r"\$\{x\} has no value"):
            await driver(service, undo=[["echo", "${x}"]]).plan()
        assert service.requests == []


async def test_a_service_that_does_not_answer_is_an_error_without_its_address_in_full() -> None:
    async with serving({}) as service:
        service.delay_sec = 30
        slow = driver(
            service,
            http={
                "url": f"{service.url}/power?${{token}}",
                "method": "DELETE",
                "timeout": "200ms",
                "headers": {"Authorization": "Bearer ${token}"},
            },
        )
        plan = await slow.plan()
        with pytest.raises(FaultError, match=r"was not answered within 0\.2 s") as raised:
            await slow.inject(plan)
        assert "hunter2" not in str(raised.value)
        assert not await has_landed(slow, plan), "the request may still be carried out"
