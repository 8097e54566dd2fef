"""Real shows that tell real servers: webhooks are signed, annotations begin and end, and no receiver delays a show."""

import asyncio
import base64
import hashlib
import hmac
import math
import re
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from demo.conductor import Conductor, ShowConfig
from demo.journal import Journal
from demo.notify import delivery as delivery_module
from demo.notify import notifier as module
from demo.notify.notifier import Notifier
from demo.notify.receivers import SECRET, TOKEN, read_receivers
from demo.show import commands as c
from demo.show import events as e
from tests.conductor.test_conductor import SOON, THREE, Switch, System, ask, reached
from tests.conductor.test_persistence import FullJournal
from tests.support.http_receiver import HttpReceiver, Received, Reply, receiving

pytestmark = pytest.mark.anyio

KEY = bytes(range(32))
WHSEC = f"whsec_{base64.b64encode(KEY).decode()}"
LEGACY = Reply(body=b'{"message": "Annotation added", "id": NUMBER}')
APP_PLATFORM = Reply(201, b'{"kind": "Annotation", "metadata": {"name": "a-NUMBER"}}')
NEW = "/apis/annotation.grafana.app/v0alpha1/namespaces/default/annotations"


@asynccontextmanager
async def told(
    *webhooks: str, grafana: str | None = None, duration: float = 0.3, journal: Journal | None = None
) -> AsyncIterator[tuple[Conductor, Notifier]]:
    """A show with one fault, `off`, that tells these."""
    receivers = read_receivers(grafana, webhooks, {SECRET: WHSEC, TOKEN: "glsa_token"})
    system = System()
    conductor = Conductor(
        ShowConfig("test", THREE, system, faults=[Switch(system, duration=duration)], journal=journal)
    )
    notifier = Notifier(conductor, receivers)
    notifier.start()
    task = asyncio.create_task(conductor.run())
    try:
        await reached(conductor, lambda state: state.opened and state.freshness == "live")
        yield conductor, notifier
    finally:
        conductor.stop()
        await asyncio.wait_for(task, SOON)
        await notifier.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not condition():  # noqa: ASYNC110 - what is waited for says nothing
            await asyncio.sleep(0.01)


async def break_and_heal(conductor: Conductor) -> None:
    await ask(conductor, c.Inject("off"))
    await reached(conductor, lambda state: state.faults[0].recovered_after_sec is not None)


def types(receiver: HttpReceiver) -> list[str]:
    return [event["type"].removeprefix("chaos_stage.") for event in receiver.events()]


# Webhooks.


async def test_a_webhook_gets_each_event_but_samples_once_in_order_to_the_very_end(tmp_path: Path) -> None:
    with receiving() as receiver:
        async with told(f"{receiver.url}/hook?x=1", journal=Journal(tmp_path / "j")) as (conductor, _):
            await break_and_heal(conductor)
            await ask(conductor, c.Say("hello"))
        found = types(receiver)
        assert found[0] == "show.opened"
        assert found[-1] == "show.closed"
        wanted = ["fault.requested", "fault.started", "fault.injected", "fault.detected", "fault.healed"]
        assert [kind for kind in found if kind in wanted] == wanted
        assert "health.sampled" not in found
        sequence = [int(event["id"].rpartition("-")[2]) for event in receiver.events()]
        assert sequence == sorted(set(sequence))
        said = next(event for event in receiver.events() if event["type"].endswith(".said"))
        assert (said["data"], said["issuer"]) == ({"text": "hello"}, "test")
        assert {request.path for request in receiver.received} == {"/hook?x=1"}


async def test_an_event_that_is_on_no_disk_at_the_end_is_told_all_the_same(tmp_path: Path) -> None:
    with receiving() as receiver:
        async with told(receiver.url, journal=Journal(tmp_path / "j")) as (conductor, notifier):
            await until(lambda: "show.opened" in types(receiver))
            entry = e.JournalEntry(conductor.state.seq + 1000, conductor.clock(), "show", e.Said("the last word"))
            conductor.journal.on_buffered[-1]((entry,))
            await notifier.close()
            assert receiver.events()[-1]["data"] == {"text": "the last word"}


def verify(request: Received, key: bytes) -> bool:
    """Verify as a receiver does, with nothing of the package."""
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    digest = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    recent = abs(time.time() - int(request.headers["webhook-timestamp"])) < 5 * 60
    return recent and f"v1,{digest}" in request.headers["webhook-signature"].split(" ")


async def test_each_attempt_is_signed_anew_and_keeps_the_id_of_its_event() -> None:
    with receiving(Reply(503, headers={"Retry-After": "1"})) as receiver:
        async with told(receiver.url):
            await until(lambda: len(receiver.received) > 2)
        assert all(verify(request, KEY) for request in receiver.received)
        assert not any(verify(request, KEY[::-1]) for request in receiver.received)
        first, again = receiver.received[:2]
        assert first.headers["webhook-id"] == again.headers["webhook-id"] == first.json["id"] == again.json["id"]
        assert int(again.headers["webhook-timestamp"]) > int(first.headers["webhook-timestamp"])
        assert first.headers["content-type"].startswith("application/cloudevents+json")


async def test_credentials_of_the_url_are_sent_and_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    with receiving(always=Reply(401)) as receiver:
        url = receiver.url.replace("://", "://anna:swordfish@") + "/secret-path"
        async with told(url) as (conductor, notifier):
            await reached(conductor, lambda state: any("401" in line.text for line in state.log))
            shown = [*(line.text for line in conductor.state.log), notifier.deliveries[0].address, caplog.text]
        basic = f"Basic {base64.b64encode(b'anna:swordfish').decode()}"
        assert receiver.received[0].headers["authorization"] == basic
        assert not any(word in text for text in shown for word in ("swordfish", "anna", "secret-path", WHSEC))


async def test_notices_about_receivers_are_for_the_presenter_and_no_receiver() -> None:
    with receiving(always=Reply(500)) as failing, receiving() as good:
        async with told(failing.url, good.url) as (conductor, _):
            state = await reached(conductor, lambda state: any("fails" in line.text for line in state.log))
            line = next(line for line in state.log if "fails" in line.text)
            assert line.level == "error"
            assert "webhook-1" in line.text
            failing.always = Reply()
            await reached(conductor, lambda state: any("works again" in line.text for line in state.log))
        assert "trouble.seen" not in types(good)


async def test_moves_are_not_delayed_by_a_receiver_that_hangs_and_the_show_ends_in_time(tmp_path: Path) -> None:
    async def move(conductor: Conductor) -> float:
        took = []
        for number in range(40):
            began = time.perf_counter()
            await ask(conductor, c.Say(f"line {number}"))
            took.append(time.perf_counter() - began)
        return sorted(took)[len(took) // 2]

    with receiving(always=Reply(hangs=True)) as receiver, receiving() as good:
        async with told(good.url, journal=Journal(tmp_path / "a")) as (conductor, _):
            usual = await move(conductor)
        async with told(receiver.url, grafana=receiver.url, journal=Journal(tmp_path / "b")) as (conductor, notifier):
            await break_and_heal(conductor)
            assert await move(conductor) < usual * 3 + 0.01
            conductor.stop()
            ended = time.monotonic()
        assert time.monotonic() - ended < module.FLUSH_SEC + 2
        assert all(delivery.waiting == 0 for delivery in notifier.deliveries)
        assert notifier.deliveries[0].counts["dropped"] > 40


async def test_a_host_that_cannot_be_found_is_said_at_the_start_and_the_show_goes_on() -> None:
    async with told(grafana="http://no-such-host.invalid") as (conductor, _):
        await reached(conductor, lambda state: any("its host cannot be found" in line.text for line in state.log))
        assert (await ask(conductor, c.Advance())).number == 2


async def test_while_the_disk_is_lost_events_are_told_with_ids_that_are_not_used_again(tmp_path: Path) -> None:
    journal = FullJournal(tmp_path / "j")
    with receiving() as receiver:
        async with told(receiver.url, journal=journal) as (conductor, _):
            await until(lambda: bool(receiver.received))
            journal.full = True
            seq = (await ask(conductor, c.Say("unsaved"))).seq
            await until(lambda: any(event["data"].get("text") == "unsaved" for event in receiver.events()))
            journal.full = False
        idents = {event["data"].get("text"): event["id"] for event in receiver.events()}
        assert re.fullmatch(rf"{conductor.epoch}-\d+-[0-9a-f]{{8}}", idents["unsaved"])
        assert int(idents["unsaved"].split("-")[1]) <= seq
        assert receiver.events()[0]["id"].count("-") == 1


# Grafana. The shapes are those of its documentation; no Grafana runs here.


async def test_a_fault_is_a_region_that_is_ended_with_the_id_it_got_and_the_rest_are_points() -> None:
    with receiving(always=LEGACY) as receiver:
        async with told(grafana=receiver.url) as (conductor, _):
            await break_and_heal(conductor)
            fault = conductor.state.faults[0]
        assert all(request.headers["authorization"] == "Bearer glsa_token" for request in receiver.received)
        begun, *others = receiver.received
        assert (begun.method, begun.path) == ("POST", "/api/annotations")
        assert begun.json == {
            "time": round((fault.injected_at or 0) * 1000),
            "tags": ["chaos-stage", "fault", "off", "test"],
            "text": "off on n: Switch it off",
        }
        ended = next(request for request in others if request.method == "PATCH")
        assert ended.path == "/api/annotations/1"
        assert ended.json == {"timeEnd": round((fault.healed_at or 0) * 1000)}
        assert ended.headers["content-type"] == "application/json"
        points = {request.json["tags"][1]: request.json for request in others if request.method == "POST"}
        assert set(points) == {"detected", "recovered"}
        assert points["detected"]["text"] == f"off detected, {fault.detected_after_sec:.3g} s after the injection"
        assert points["recovered"]["text"] == f"recovered from off, {fault.recovered_after_sec:.3g} s after the heal"
        assert begun.json["time"] <= points["detected"]["time"] <= points["recovered"]["time"]


async def test_the_app_platform_gets_resources_and_a_merge_patch_of_the_name_it_gave() -> None:
    with receiving(always=APP_PLATFORM) as receiver:
        async with told(grafana=f"{receiver.url}{NEW}") as (conductor, _):
            await break_and_heal(conductor)
        begun = receiver.received[0]
        assert (begun.method, begun.path) == ("POST", NEW)
        assert begun.json["apiVersion"] == "annotation.grafana.app/v0alpha1"
        assert begun.json["kind"] == "Annotation"
        assert begun.json["metadata"] == {"generateName": "a-"}
        assert set(begun.json["spec"]) == {"time", "tags", "text"}
        ended = next(request for request in receiver.received if request.method == "PATCH")
        assert ended.path == f"{NEW}/a-1"
        assert set(ended.json["spec"]) == {"timeEnd"}
        assert ended.headers["content-type"] == "application/merge-patch+json"


@pytest.mark.parametrize(
    "replies",
    [
        [Reply(body=b"<html>hello</html>")],
        [Reply(body=b'{"id": "../../login"}')],
        [LEGACY, LEGACY, Reply(404)],
        [LEGACY, LEGACY, Reply(422)],
    ],
    ids=["no id", "an id that is a path", "removed meanwhile", "end refused"],
)
async def test_a_region_whose_end_cannot_be_changed_is_sent_as_a_whole(replies: list[Reply]) -> None:
    with receiving(*replies, always=LEGACY) as receiver:
        async with told(grafana=receiver.url) as (conductor, _):
            await break_and_heal(conductor)
        whole = [
            request.json for request in receiver.received if "timeEnd" in request.json and request.method == "POST"
        ]
        assert len(whole) == 1
        assert whole[0]["timeEnd"] > whole[0]["time"]
        assert whole[0]["tags"][1] == "fault"
        assert {request.path for request in receiver.received} <= {"/api/annotations", "/api/annotations/1"}


async def test_a_fault_that_an_earlier_server_injected_becomes_a_whole_region(tmp_path: Path) -> None:
    system = System()
    fault = Switch(system, duration=math.inf)
    first = Conductor(ShowConfig("test", THREE, system, faults=[fault], journal=Journal(tmp_path / "j")))
    task = asyncio.create_task(first.run())
    await reached(first, lambda state: state.freshness == "live")
    await ask(first, c.Inject("off"))
    state = await reached(first, lambda state: state.faults[0].state == "active")
    # What a server leaves that is killed now.
    await asyncio.to_thread(shutil.copytree, tmp_path, tmp_path / "left")
    first.stop()
    await task
    with receiving(always=LEGACY) as receiver:
        async with told(grafana=receiver.url, journal=Journal(tmp_path / "left" / "j")):
            await until(lambda: any("timeEnd" in request.json for request in receiver.received))
        regions = [request for request in receiver.received if request.json["tags"][1] == "fault"]
        assert [request.method for request in regions] == ["POST"]
        assert regions[0].json["time"] == round((state.faults[0].injected_at or 0) * 1000)


async def test_an_unreachable_grafana_gets_all_once_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_module, "FIRST_PAUSE_SEC", 0.1)
    with receiving(*[Reply(502)] * 3, Reply(resets=True), always=LEGACY) as receiver:
        async with told(grafana=receiver.url) as (conductor, notifier):
            await break_and_heal(conductor)
            await until(lambda: notifier.deliveries[0].counts["delivered"] == 4)
            assert any("grafana" in line.text and "works again" in line.text for line in conductor.state.log)
        assert [request.method for request in receiver.received[4:]].count("PATCH") == 1
