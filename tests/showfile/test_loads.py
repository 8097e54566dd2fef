"""The loads of a show: what they are told, what cards and conditions say of them, and a whole show with one."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from demo.clock import CLOCK
from demo.conditions import Quantity, parse
from demo.errors import FaultError, SubjectError
from demo.showfile.board import ProbeBoard
from demo.showfile.loads import LoadFacts, ShowLoads
from demo.showfile.probing.kinds import Sources, open_session
from demo.showfile.schema.system import LoadSettings
from tests.load.loaded import answering, until
from tests.support.crashes import free_port
from tests.support.servers import serving


@asynccontextmanager
async def sending(**settings: dict[str, str]) -> AsyncIterator[ShowLoads]:
    read = {name: LoadSettings.model_validate({"timeout": "20s", **one}) for name, one in settings.items()}
    loads = ShowLoads(read, lambda text: text.replace("${word}", "secret"), lambda: None)
    loads.start()
    try:
        yield loads
    finally:
        await loads.stop()


def card(loads: ShowLoads, name: str) -> dict[str, Any]:
    nodes = loads.sample({"client": ["api"]}).get("nodes", ())
    return next((node for node in nodes if node["id"] == name), {})


@pytest.mark.anyio
async def test_it_sends_until_it_is_stopped_and_its_card_and_curves_tell_so() -> None:
    async with answering() as server, sending(client={"http": server.url, "rate": "50/s"}) as loads:
        assert card(loads, "client")["health"] == "unknown"
        await until(lambda: card(loads, "client")["health"] == "up")
        shown = card(loads, "client")
        assert (shown["links"], shown["detail"]) == (["api"], "")
        assert set(shown["metrics"]) == {"/s", "ms p95", "% errors"}
        curves = {one["name"]: one["value"] for one in loads.sample({})["metrics"]}
        assert curves["client.answered"] > 0
        assert curves["client.rate"] == 0
        loads.set_rate("client", 0)
        await until(lambda: card(loads, "client")["detail"] == "stopped")
        await loads.stop()
        asked = server.asked
        assert loads.sample({}) == {}
        assert loads.value("client", "count") is None
    assert server.asked == asked


@pytest.mark.anyio
async def test_errors_make_a_card_degraded_then_down_with_the_reason() -> None:
    async with answering() as server, sending(client={"http": server.url, "rate": "50/s"}) as loads:
        server.statuses = [200, 200, 200, 503]
        await until(lambda: card(loads, "client")["health"] == "degraded")
        server.statuses = [503]
        await until(lambda: card(loads, "client")["health"] == "down")
        assert card(loads, "client")["detail"] == "answered with status 503"
        server.statuses = [200]
        await until(lambda: card(loads, "client")["health"] == "up")


@pytest.mark.anyio
async def test_cards_tell_what_succeeds_and_the_curves_of_several_loads_stand_side_by_side() -> None:
    async with (
        answering() as server,
        sending(one={"http": server.url, "rate": "50/s"}, two={"http": server.url, "rate": "50/s"}) as loads,
    ):
        server.statuses = [503]
        await until(lambda: card(loads, "two")["health"] == "down")
        assert card(loads, "two")["metrics"]["/s"] == 0
        curves = [curve["name"] for curve in loads.sample({})["metrics"]]
        assert curves == ["one.answered", "two.answered", "one.rate", "two.rate"]


@pytest.mark.anyio
async def test_what_is_not_sent_is_said_on_the_card() -> None:
    async with answering() as server, sending(client={"http": server.url, "rate": "50/s"}) as loads:
        server.delays = [None]
        loads.multiply("client", 2, concurrency=2)
        await until(lambda: "requests not sent" in card(loads, "client")["detail"])
        assert card(loads, "client")["detail"].startswith("falling behind: ")


@pytest.mark.anyio
async def test_conditions_ask_for_it_by_its_name_or_alone_and_since_the_fault() -> None:
    async with answering() as server, sending(client={"http": server.url, "rate": "50/s"}) as loads:
        session = open_session()
        facts = LoadFacts(ProbeBoard({}, Sources(lambda: session)), loads)
        await session.close()
        assert parse("client.rate < 1%").truth(facts) is None
        await until(lambda: parse("rate < 1% and client.p(95) < 20s and avg > 0s and count > 3").truth(facts) is True)
        assert parse("client.lost == 0").truth(facts) is None
        server.statuses = [500]
        loads.measure_since(CLOCK.now())
        await until(lambda: facts.value(("rate",)) == Quantity(1.0, "%"))
        assert facts.value(("errors",)) == facts.value(("client", "count"))
        loads.measure_since(None)
        count = facts.value(("count",))
        assert isinstance(count, Quantity)
        assert facts.value(("nothing", "there")) is None


@pytest.mark.anyio
async def test_a_fault_multiplies_the_rate_and_a_step_sets_it() -> None:
    async with (
        answering() as server,
        sending(
            client={"http": server.url, "rate": "1/h"}, other={"http": server.url, "rate": "50/s", "start": "false"}
        ) as loads,
    ):
        assert loads.multiplied("client") == 1
        loads.multiply("client", 180_000)  # 50 a second
        assert loads.multiplied("client") == 180_000
        await until(lambda: server.asked >= 5)
        loads.multiply("client", 1)
        assert card(loads, "other")["detail"] == "stopped"
        loads.set_rate("other", None)
        await until(lambda: card(loads, "other")["health"] == "up")
        with pytest.raises(SubjectError, match="there is no load nobody"):
            loads.set_rate("nobody", 1)
        with pytest.raises(FaultError, match="there is no load nobody"):
            loads.multiply("nobody", 2)


SHOW = """\
---
title: A page under load
processes:
  page:
    run: [PYTHON, -m, http.server, "PORT", --bind, 127.0.0.1]
    port: PORT
    ready: page is up
probes:
  page: {http: "http://127.0.0.1:PORT/nothing", up: status == 404, interval: 200ms, timeout: 5s}
links:
  - client -> page
load:
  client: {http: "http://127.0.0.1:PORT/", rate: 10/s, timeout: 5s}
faults:
  kill-page:
    process: {name: page, do: kill}
    duration: 60s
  crowd:
    traffic: {load: client, times: 4}
    duration: 60s
---

# It is asked for

---

```yaml
hypothesis: No visitor notices
expect: client.rate < 1%
on_enter:
  - fault: kill-page
  - wait_until: client.rate > 90% within 30s
  - heal: kill-page
  - load: {client: 20/s}
```

# It dies
"""


def node(state: dict[str, Any], name: str) -> dict[str, Any]:
    return next((one for one in (state["health"] or {}).get("nodes", []) if one["id"] == name), {})


def rate(state: dict[str, Any]) -> float:
    return float(node(state, "client").get("metrics", {}).get("/s") or 0)


def fault(state: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in state["chaos"] if one["name"] == name)


def test_a_show_is_asked_by_its_load_predicted_broken_and_multiplied(tmp_path: Path, state_home: Path) -> None:
    deck = tmp_path / "page.md"
    deck.write_text(SHOW.replace("PORT", str(free_port())).replace("PYTHON", sys.executable))
    with serving(str(deck), "-x", state_home=state_home) as show:
        seen = show.until(lambda state: node(state, "client").get("health") == "up", 40)
        assert node(seen, "client")["links"] == ["page"]
        show.client.post("/advance")
        # One that was under way when the page was killed may have been answered.
        show.until(lambda state: any("%, not below 1%" in line["text"] for line in state["log"]), 60)
        show.until(lambda state: state["chapter"]["status"] == "done" and rate(state) > 12, 60)
        show.until(lambda state: fault(state, "kill-page")["recovered_after_sec"] is not None, 40)
        assert show.client.post("/chaos/crowd").status_code == 202
        show.until(lambda state: rate(state) > 40, 40)
        assert show.client.post("/chaos/crowd/heal").status_code < 300
        show.until(lambda state: 0 < rate(state) < 30, 40)
        assert show.stop() == 0
