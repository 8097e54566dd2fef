"""What a driver, the undo ledger and the watchdog get of an injection with a duration or a target of its own."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from demo.errors import DemoError, Refused
from demo.journal import Journal
from demo.show import commands as c
from demo.types import ChoosesTarget, Plan
from tests.conductor.test_conductor import THREE, Switch, System, ask, playing, reached

pytestmark = pytest.mark.anyio


class Recording:
    """A watchdog that only writes down what it is given."""

    is_alive = True

    def __init__(self) -> None:
        self.held: list[tuple[str, float, float | None]] = []

    def begin(self, journal: Path, tell: Callable[[str], None]) -> None: ...

    async def hold(self, ident: str, fault: str, plan: Plan, lasts_sec: float) -> None:
        self.held.append((plan.target, lasts_sec, plan.duration_sec))

    def applied(self, ident: str) -> None: ...

    def release(self, ident: str) -> None: ...

    async def close(self) -> None: ...


class Choosing(Switch):
    """Hits whichever of two it is told to."""

    broken: str = ""

    def targets(self) -> Sequence[str]:
        return ("a", "b")

    async def plan_for(self, target: str) -> Plan:
        return Plan("switch", target, {"was": "up"}, late_sec=0.0)

    async def inject(self, plan: Plan) -> None:
        await super().inject(plan)
        self.broken = plan.target


@pytest.mark.parametrize(("own", "asked", "lasts"), [(5.0, 0.4, 0.4), (math.inf, 0.4, 0.4), (math.inf, None, math.inf)])
async def test_driver_and_watchdog_get_the_duration_and_the_fault_heals_after_it(
    own: float, asked: float | None, lasts: float
) -> None:
    watchdog, system = Recording(), System()
    switch = Switch(system, duration=own)
    async with playing(THREE, switch, system=system, watchdog=watchdog) as conductor:
        await ask(conductor, c.Inject("off", asked))
        await reached(conductor, lambda state: state.faults[0].state == "active")
        assert watchdog.held == [("n", lasts, None if lasts == math.inf else lasts)]
        if lasts != math.inf:
            state = await reached(conductor, lambda state: state.faults[0].state == "idle")
            injected_at, healed_at = state.faults[0].injected_at, state.faults[0].healed_at
            assert injected_at is not None
            assert healed_at is not None
            assert 0.3 < healed_at - injected_at < 3.0
            assert system.up


async def test_the_target_that_was_asked_for_is_planned_stored_broken_and_healed(tmp_path: Path) -> None:
    watchdog, system = Recording(), System()
    switch = Choosing(system, duration=math.inf)
    assert isinstance(switch, ChoosesTarget)
    journal = Journal(tmp_path / "j")
    async with playing(THREE, switch, system=system, watchdog=watchdog, journal=journal) as conductor:
        await ask(conductor, c.Inject("off", target="b"))
        state = await reached(conductor, lambda state: state.faults[0].state == "active")
        assert (switch.broken, state.faults[0].target, watchdog.held[0][0]) == ("b", "b", "b")
        assert [undo.plan.target for undo in await journal.pending()] == ["b"]
        await ask(conductor, c.Heal("off"))
        await reached(conductor, lambda state: state.faults[0].state == "idle")
        assert system.up


async def test_a_target_that_the_driver_does_not_know_is_refused_with_those_it_knows() -> None:
    async with playing(THREE, Choosing(System())) as conductor:
        with pytest.raises(Refused, match="has no target 'c' now; it has: a, b") as refused:
            await ask(conductor, c.Inject("off", target="c"))
        assert refused.value.code == "invalid"
        with pytest.raises(Refused, match="there is no fault 'on'"):
            await ask(conductor, c.Inject("on", target="c"))
        assert conductor.state.faults[0].run == 0


async def test_a_driver_that_chooses_for_itself_takes_no_target() -> None:
    switch = Switch(System())
    async with playing(THREE, switch) as conductor:
        with pytest.raises(Refused, match="cannot choose its target now: send it without 'target'"):
            await ask(conductor, c.Inject("off", target="n"))
    assert switch.steps == []


async def test_a_driver_whose_targets_break_is_said_to() -> None:
    class Breaking(Choosing):
        def targets(self) -> Sequence[str]:
            raise RuntimeError("no idea")

    async with playing(THREE, Breaking(System())) as conductor:
        with pytest.raises(DemoError, match=r"fault 'off' cannot tell its targets: .*no idea"):
            await ask(conductor, c.Inject("off", target="a"))
        assert conductor.state.faults[0].run == 0
