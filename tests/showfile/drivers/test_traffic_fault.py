"""More traffic of a load: it ends with the process that sends it."""

import subprocess
from dataclasses import replace

import pytest

from demo.errors import FaultError
from demo.processes.child import start_time_of
from demo.showfile.drivers import DriverContext, build_drivers
from demo.showfile.schema.front_matter import FrontMatter
from demo.watchdog.undo import undo
from tests.showfile.drivers.plain_probes import ask

pytestmark = pytest.mark.anyio


class Loads:
    """Knows by what each load is multiplied, and sends nothing."""

    def __init__(self) -> None:
        self.times: dict[str, float] = {}

    def multiply(self, load: str, times: float, concurrency: int | None = None) -> None:
        self.times[load] = times

    def multiplied(self, load: str) -> float:
        return self.times.get(load, 1)


SETTINGS = FrontMatter.model_validate({"faults": {"burst": {"traffic": {"load": "client", "times": "5"}}}})


async def test_a_load_is_multiplied_until_it_is_healed() -> None:
    loads = Loads()
    (burst,) = build_drivers(SETTINGS, DriverContext(ask, loads=loads))
    plan = await burst.plan()
    await burst.inject(plan)
    assert loads.times == {"client": 5}
    assert not await burst.is_healed(plan)
    with pytest.raises(FaultError, match="is sent 5 times already"):
        await burst.plan()
    assert await undo(burst, plan) is None
    assert loads.times == {"client": 1}


async def test_in_another_process_it_is_healed_once_the_sender_has_ended() -> None:
    (burst,) = build_drivers(SETTINGS, DriverContext(ask, loads=Loads()))
    (healer,) = build_drivers(SETTINGS, DriverContext(ask))
    sender = subprocess.Popen(["sleep", "60"])
    try:
        plan = await burst.plan()
        plan = replace(plan, undo={**plan.undo, "pid": sender.pid, "born": start_time_of(sender.pid)})
        with pytest.raises(FaultError, match="which still runs"):
            await healer.heal(plan)
        assert not await healer.is_healed(plan)
    finally:
        sender.kill()
        sender.wait()
    assert await undo(healer, plan) is None
    with pytest.raises(FaultError, match="is not sent"):
        await healer.plan()
