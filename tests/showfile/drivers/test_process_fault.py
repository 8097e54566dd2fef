"""Faults on processes: the show's own by name or by a condition, and others with the undo of the show file."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from demo.conditions import NodeFact
from demo.errors import FaultError, InvalidValue
from demo.showfile.drivers import DriverContext, build_drivers, describe_targets
from demo.showfile.schema.front_matter import FrontMatter
from demo.types import ChoosesTarget
from demo.watchdog.undo import undo
from tests.showfile.drivers.plain_probes import Nodes, ask
from tests.support.owned_processes import spec, started

pytestmark = [pytest.mark.anyio, pytest.mark.system]

BOARD = Nodes(
    {
        "members": [NodeFact("n-1", "up", {"role": "follower"}), NodeFact("n-2", "up", {"role": "leader"})],
        "pair": [NodeFact("n-1", "up", {"role": "follower"}), NodeFact("n-2", "up", {"role": "leader"})],
        "one": [NodeFact("one", "up")],
        "two": [NodeFact("two", "up", {"role": "leader"})],
    }
)


def settings(**target: Any) -> FrontMatter:
    return FrontMatter.model_validate(
        {
            "processes": {"one": {"run": ["x"]}, "two": {"run": ["x"]}},
            "probes": {"one": {"run": ["true"], "behind": "one"}, "two": {"run": ["true"], "behind": "two"}},
            "groups": {"both": ["one", "two"]},
            "faults": {"broken": {"process": target}},
        }
    )


async def test_the_process_behind_the_node_that_matches_now_is_killed_and_started_again() -> None:
    async with started([spec("one"), spec("two")]) as processes:
        (driver,) = build_drivers(
            settings(where="two.role == leader", do="kill"), DriverContext(ask, BOARD, processes=processes)
        )
        assert describe_targets([driver]) == {"broken": "two"}
        assert isinstance(driver, ChoosesTarget)
        assert driver.targets() == ["two"]
        plan = await driver.plan()
        before = processes.state("two").pid
        await driver.inject(plan)
        assert driver.is_seen({"nodes": [{"id": "two", "health": "down"}]}, 0)
        assert not driver.is_seen({"nodes": [{"id": "two", "health": "up"}, {"id": "one", "health": "down"}]}, 0)
        (healer,) = build_drivers(settings(name="one", do="pause"), DriverContext(ask))
        assert await undo(healer, plan) is None
        assert processes.state("two").pid != before
        with pytest.raises(FaultError, match="there is no target 'one' now"):
            await driver.plan_for("one")


async def test_several_processes_are_paused_at_once_and_each_is_let_go_on() -> None:
    board = Nodes({**BOARD.known, "both": [NodeFact("one", "up"), NodeFact("two", "up")]})
    async with started([spec("one"), spec("two")]) as processes:
        (driver,) = build_drivers(
            settings(where="both is up", pick="all", do="pause"), DriverContext(ask, board, processes=processes)
        )
        plan = await driver.plan()
        assert plan.target == "one and two"
        await driver.inject(plan)
        await processes.resume("one")
        assert not await driver.is_healed(plan)
        assert await undo(driver, plan) is None
    (nobody,) = build_drivers(settings(where="two.role == king", do="kill"), DriverContext(ask, BOARD))
    with pytest.raises(FaultError, match=r"no node matches two\.role == king now"):
        await nobody.plan()


async def test_a_process_that_is_not_ours_is_killed_only_with_an_undo_and_started_by_that(tmp_path: Path) -> None:
    start = [
        sys.executable,
        "-c",
        "import subprocess as s; print(s.Popen(['sleep', '60'], start_new_session=True, stdout=-3).pid)",
    ]
    pidfile = tmp_path / "pid"
    pidfile.write_text(subprocess.run(start, check=True, stdout=subprocess.PIPE, text=True).stdout)
    restart = ["sh", "-c", '"$@" > "$0"', str(pidfile), *start]
    target = {"process": {"pidfile": "pid", "do": "kill"}}
    context = DriverContext(ask, folder=tmp_path)
    with pytest.raises(InvalidValue, match="killed only with an undo"):
        build_drivers(FrontMatter.model_validate({"faults": {"gone": target}}), context)
    given = FrontMatter.model_validate(
        {
            "probes": {
                "it": {"run": ["sh", "-c", 'read pid < "$0"; grep -q sleeping /proc/$pid/status', str(pidfile)]}
            },
            "faults": {"gone": target | {"undo": restart, "healed": "it is up"}},
        }
    )
    (driver,) = build_drivers(given, context)
    plan = await driver.plan()
    await driver.inject(plan)
    assert not await driver.is_healed(plan)
    (healer,) = build_drivers(given, context)
    assert await undo(healer, plan) is None
    assert int(pidfile.read_text()) != plan.undo["pid"]
    subprocess.run(["kill", "-9", pidfile.read_text().strip()], check=True)
