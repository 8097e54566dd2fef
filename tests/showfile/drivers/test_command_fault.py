"""Faults by a command: what is read before, done, undone and proved, on real processes."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from demo.conditions import NodeFact
from demo.errors import FaultError
from demo.showfile.drivers import DriverContext, Secrets, build_drivers
from demo.showfile.schema.front_matter import FrontMatter
from demo.types import FaultDriver, TellsLanding
from demo.watchdog.undo import undo
from tests.showfile.drivers.plain_probes import Nodes, ask

pytestmark = pytest.mark.anyio

WRITE = ("sh", "-c", 'echo "$1" > "$2"', "sh")


def settings(tmp_path: Path, **fault: Any) -> FrontMatter:
    """A system of one file: it is up while it holds 3 replicas."""
    replicas = str(tmp_path / "replicas")
    (tmp_path / "replicas").write_text("3\n")
    scaled = {
        "before": {"replicas": ["cat", replicas]},
        "run": [*WRITE, "0", replicas],
        "undo": [*WRITE, "${replicas}", replicas],
        "healed": "web is up",
    }
    return FrontMatter.model_validate(
        {"probes": {"web": {"run": ["grep", "-q", "3", replicas]}}, "faults": {"gone": scaled | fault}}
    )


def driver(given: FrontMatter, tmp_path: Path, environ: Mapping[str, str] | None = None) -> FaultDriver:
    variables = {name: secret.env for name, secret in given.secrets.items()}
    context = DriverContext(ask, folder=tmp_path, secrets=Secrets(variables, environ or {}))
    return build_drivers(given, context)[0]


async def test_the_value_from_before_is_put_back_and_the_probe_says_that_it_is_healed(tmp_path: Path) -> None:
    scaled = driver(settings(tmp_path), tmp_path)
    plan = await scaled.plan()
    assert (tmp_path / "replicas").read_text() == "3\n", "a plan changes nothing"
    await scaled.inject(plan)
    assert (tmp_path / "replicas").read_text() == "0\n"
    assert not await scaled.is_healed(plan)
    # Another driver, as in another process, and of a file that has changed: the plan alone counts.
    other = driver(settings_without_fault(tmp_path), tmp_path)
    (tmp_path / "replicas").write_text("0\n")
    assert await undo(other, plan) is None
    assert (tmp_path / "replicas").read_text() == "3\n"
    assert await scaled.is_healed(plan)


def settings_without_fault(tmp_path: Path) -> FrontMatter:
    given = settings(tmp_path, undo=["true"], run=["true"], before={}).faults
    return FrontMatter(faults=given)


async def test_a_value_that_cannot_be_read_means_that_there_is_no_fault(tmp_path: Path) -> None:
    for command, why in {
        ("false",): "exit code 1",
        ("cat", "/does/not/exist"): "No such file",
        ("no-such-program",): "there is no program 'no-such-program'",
        ("true",): "printed nothing",
        ("head", "-c", "5000", "/dev/zero"): "4 KiB",
        ("head", "-c", "2000000", "/dev/urandom"): "printed more than",
    }.items():
        unreadable = driver(settings(tmp_path, before={"replicas": command}), tmp_path)
        with pytest.raises(FaultError, match=why) as raised:
            await unreadable.plan()
        assert str(raised.value).startswith("nothing was changed, because replicas is not known")


async def test_every_step_of_an_undo_is_tried_and_a_failed_one_is_named(tmp_path: Path) -> None:
    replicas = str(tmp_path / "replicas")
    steps = [["false"], {"run": ["no-such-program"]}, [*WRITE, "3", replicas]]
    healing = driver(settings(tmp_path, undo=steps), tmp_path)
    plan = await healing.plan()
    await healing.inject(plan)
    # The last step has done it, and the probe says so: that the others failed does not matter.
    assert await undo(healing, plan) is None
    failing = driver(settings(tmp_path, undo=steps[:2]), tmp_path)
    plan = await failing.plan()
    await failing.inject(plan)
    why = await undo(failing, plan)
    assert why is not None
    assert "false ended with exit code 1; no-such-program could not be started" in why
    assert "By hand: false && no-such-program" in why


async def test_a_deed_that_fails_is_an_error_with_its_last_line(tmp_path: Path) -> None:
    failing = driver(settings(tmp_path, run=["sh", "-c", "echo one; echo two >&2; exit 3"]), tmp_path)
    plan = await failing.plan()
    with pytest.raises(FaultError, match="ended with exit code 3: two"):
        await failing.inject(plan)


async def test_a_deed_that_still_runs_is_ended_before_the_undo(tmp_path: Path) -> None:
    late = ["sh", "-c", 'echo 1 > "$1.begun"; sleep 60; echo 0 > "$1"', "sh", str(tmp_path / "replicas")]
    ending = driver(settings(tmp_path, run=late, ends="60s"), tmp_path)
    assert ending.config.duration_sec == 60
    plan = await ending.plan()
    assert isinstance(ending, TellsLanding)
    await ending.inject(plan)  # returns while the command goes on
    assert (tmp_path / "replicas.begun").exists()
    assert not await ending.is_healed(plan)
    other = driver(settings(tmp_path), tmp_path)
    assert not await other.has_landed(plan)  # type: ignore[attr-defined]
    assert await undo(other, plan) is None
    assert (tmp_path / "replicas").read_text() == "3\n"


async def test_a_deed_that_was_interrupted_is_waited_for_so_that_it_cannot_overtake_the_undo(tmp_path: Path) -> None:
    replicas, gate = tmp_path / "replicas", tmp_path / "gate"
    slow = ["sh", "-c", 'while [ ! -e "$2" ]; do sleep 0.05; done; echo 0 > "$1"', "sh", str(replicas), str(gate)]
    interrupted = driver(settings(tmp_path, run=slow), tmp_path)
    plan = await interrupted.plan()
    injecting = asyncio.create_task(interrupted.inject(plan))
    await asyncio.sleep(0)
    injecting.cancel()
    await asyncio.wait([injecting])
    other = driver(settings(tmp_path), tmp_path)
    healing = asyncio.create_task(undo(other, plan))
    gate.touch()
    assert await healing is None
    assert replicas.read_text() == "3\n"
    assert await other.has_landed(plan)  # type: ignore[attr-defined]


async def test_a_fault_that_ends_by_itself_needs_no_undo_and_is_over_after_its_time(tmp_path: Path) -> None:
    replicas = str(tmp_path / "replicas")
    given = settings(tmp_path, before={}, undo=None, healed=None, ends="300ms", run=[*WRITE, "0", replicas])
    ending = driver(given, tmp_path)
    plan = await ending.plan()
    await ending.inject(plan)
    assert not await ending.is_healed(plan)
    assert await undo(ending, plan) is None


async def test_an_effect_is_seen_when_healed_does_not_hold_for_certain(tmp_path: Path) -> None:
    for state, seen in (("down", True), ("up", False), ("unknown", False)):
        context = DriverContext(ask, board=Nodes({"web": [NodeFact("web", state)]}), folder=tmp_path)
        assert build_drivers(settings(tmp_path), context)[0].is_seen({"nodes": []}, 0.0) is seen
        assert build_drivers(settings(tmp_path, seen="web is up"), context)[0].is_seen({}, 0.0) is (state == "up")


async def test_a_secret_is_refused_as_an_argument_and_never_in_a_plan(tmp_path: Path) -> None:
    given = settings(tmp_path, undo=["curl", "${token}"]).model_copy(
        update={"secrets": FrontMatter.model_validate({"secrets": {"token": {"env": "API_TOKEN"}}}).secrets}
    )
    with pytest.raises(FaultError, match="the secret token cannot be an argument of curl"):
        await driver(given, tmp_path, {"API_TOKEN": "hunter2"}).plan()


async def test_what_a_command_prints_is_shown_without_secrets_and_never_stored_with_them(tmp_path: Path) -> None:
    secrets = {"secrets": {"token": {"env": "API_TOKEN"}}}
    given = FrontMatter.model_validate(
        settings(tmp_path, run=["sh", "-c", "echo no hunter2; false"]).model_dump(by_alias=True) | secrets
    )
    leaking = driver(given, tmp_path, {"API_TOKEN": "hunter2"})
    with pytest.raises(FaultError, match="no •••"):
        await leaking.inject(await leaking.plan())
    given = FrontMatter.model_validate(
        settings(tmp_path, before={"replicas": ["echo", "hunter2"]}).model_dump(by_alias=True) | secrets
    )
    with pytest.raises(FaultError, match="printed a secret"):
        await driver(given, tmp_path, {"API_TOKEN": "hunter2"}).plan()
