"""Runs the steps of a chapter's `on_enter`, one after the other; a step that fails ends the list."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

from demo.conditions import Condition, Facts, parse
from demo.errors import DemoError, FaultError
from demo.showfile.drivers.steps import exec_step, http_step
from demo.showfile.judged_stage import JudgedStage
from demo.showfile.quantities import describe_duration, parse_rate
from demo.showfile.schema.chapters import Step
from demo.showfile.schema.faults import ExecCommand, HttpRequest
from demo.subjects.deck_functions import call_function
from demo.types import Stage

STEP_TIMEOUT_SEC = 30.0
"""Timeout of a step that has none of its own: a command, a request, a condition that is waited for."""

HEAL_ALL: Literal["all"] = "all"
ON, OFF = "start", "stop"


class StepContext(Protocol):
    """What steps act on, besides the stage."""

    @property
    def facts(self) -> Facts:
        """What is known of the system now."""

    def ask_books(self, condition: Condition) -> bool:
        """Read all writes again that a condition asks for; until that is done, nothing is known of them."""

    async def wait_for_change(self) -> None:
        """Return once a probe has answered again, or the show has moved."""

    async def perform(self, action: Mapping[str, Any], timeout: float) -> None:
        """Run a command here or in a container, or send a request. Raises `FaultError` when it fails.

        `action` has one key, `run`, `exec` or `http`, as an undo's steps have.
        """

    def mask(self, text: str) -> str:
        """Return a text without the value of any secret."""

    def set_load(self, name: str, rate: float | None) -> None:
        """Set the arrivals a second of a load; None for its own rate."""

    def running_faults(self) -> Sequence[str]:
        """Return the faults that are in place, oldest first."""


class ChapterSteps:
    """Runs the steps of one chapter on a stage.

    `expect`: the condition that judges the hypothesis which stands then, "" if there is none. `subject`: what a Python
    function is given besides the stage, None in a show without one.
    """

    def __init__(self, stage: Stage, context: StepContext, expect: str = "", subject: object = None) -> None:
        self._stage = stage
        self._python_stage: Stage = JudgedStage(stage, expect) if expect else stage
        self._context = context
        self._subject = subject

    async def run(self, steps: Sequence[Step | Literal["heal"]]) -> None:
        """Run all steps. Raises `FaultError` naming the step that failed."""
        for number, step in enumerate(steps, 1):
            one = Step(heal=HEAL_ALL) if isinstance(step, str) else step
            try:
                await self._run_one(one)
            except DemoError as error:
                if one.continue_on_error:
                    continue
                # A function that is the whole action says what is wrong in its own words, as in a deck in Python.
                is_alone = one.python is not None and len(steps) == 1
                where = "" if is_alone else f"step {number}, {one.name or describe_step(one)}: "
                raise FaultError(self._context.mask(f"{where}{error}")) from error

    async def _run_one(self, step: Step) -> None:
        if step.if_ is not None and parse(step.if_).truth(self._context.facts) is not True:
            return
        work = self._verbs[step.verb](self, step)
        # A condition has its timeout inside: when it passes, what was measured is said.
        if step.timeout is None or step.verb == "wait_until":
            await work
            return
        try:
            async with asyncio.timeout(step.timeout):
                await work
        except TimeoutError as error:
            raise FaultError(f"it did not finish within {describe_duration(step.timeout)}") from error

    async def _countdown(self, step: Step) -> None:
        seconds = step.countdown
        assert seconds is not None
        await self._stage.countdown(float(seconds))

    async def _fault(self, step: Step) -> None:
        await self._stage.inject(str(step.fault))

    async def _heal(self, step: Step) -> None:
        names = self._context.running_faults() if step.heal == HEAL_ALL else [str(step.heal)]
        errors = await asyncio.gather(*map(self._stage.heal, names), return_exceptions=True)
        for error in errors:
            if error is not None:
                raise error

    async def _wait(self, step: Step) -> None:
        assert step.wait is not None
        await asyncio.sleep(step.wait)

    async def _wait_until(self, step: Step) -> None:
        condition = parse(str(step.wait_until))
        timeout = condition.within_sec or step.timeout or STEP_TIMEOUT_SEC
        self._context.ask_books(condition)
        try:
            async with asyncio.timeout(timeout):
                await self._wait_for(condition, condition.for_sec or 0.0)
        except TimeoutError as error:
            truth = condition.truth(self._context.facts)
            why = "it cannot be told" if truth is None else condition.judge(self._context.facts).text
            raise FaultError(f"not within {describe_duration(timeout)}: {why}") from error

    async def _wait_for(self, condition: Condition, for_sec: float) -> None:
        loop = asyncio.get_running_loop()
        held_since: float | None = None
        while True:
            now = loop.time()
            if condition.truth(self._context.facts) is True:
                held_since = now if held_since is None else held_since
                if now - held_since >= for_sec:
                    return
            else:
                held_since = None
            await self._context.wait_for_change()

    async def _say(self, step: Step) -> None:
        await self._stage.say(str(step.say))

    async def _load(self, step: Step) -> None:
        for name, text in (step.load or {}).items():
            self._context.set_load(name, None if text == ON else 0.0 if text == OFF else parse_rate(text))

    async def _act(self, step: Step) -> None:
        if step.run is not None:
            action: dict[str, Any] = {"run": list(step.run)}
        else:
            action = exec_step(step.exec) if step.exec is not None else http_step(step.http)
        own_timeout = step.http.timeout if step.http is not None else STEP_TIMEOUT_SEC
        await self._context.perform(action, step.timeout or own_timeout)

    async def _python(self, step: Step) -> None:
        await call_function(str(step.python), self._python_stage, self._subject)

    _verbs: Mapping[str, Callable[["ChapterSteps", Step], Awaitable[None]]] = {
        "countdown": _countdown,
        "fault": _fault,
        "heal": _heal,
        "wait": _wait,
        "wait_until": _wait_until,
        "say": _say,
        "load": _load,
        "run": _act,
        "exec": _act,
        "http": _act,
        "python": _python,
    }


def describe_step(step: Step) -> str:
    """Return a step as it is written in the file, in a few words: `wait_until: web up`."""
    value = getattr(step, step.verb)
    if isinstance(value, float):
        return f"{step.verb}: {describe_duration(value)}"
    if isinstance(value, tuple):
        return f"{step.verb}: {' '.join(value)}"[:120]
    if isinstance(value, HttpRequest):
        return f"http: {value.method}"
    if isinstance(value, ExecCommand):
        return f"exec: {' '.join(value.command)}"[:120]
    if isinstance(value, Mapping):
        return f"{step.verb}: {', '.join(f'{key} {text}' for key, text in value.items())}"
    return f"{step.verb}: {value}"[:120]


def needed_sec(steps: Sequence[Step | Literal["heal"]]) -> float:
    """Return for how long these steps may run at most, in seconds."""
    return sum(_step_sec(step) for step in steps)


def _step_sec(step: Step | Literal["heal"]) -> float:
    if isinstance(step, str):
        return 2 * STEP_TIMEOUT_SEC
    if step.wait is not None:
        return step.wait
    if step.countdown is not None:
        return float(step.countdown)
    if step.wait_until is not None and (within := parse(step.wait_until).within_sec):
        return within
    return step.timeout or 2 * STEP_TIMEOUT_SEC
