"""One step of an injection or an undo: a command here, a command in a container, or an HTTP request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo.errors import FaultError
from demo.showfile.drivers.commands import called, run_command
from demo.showfile.drivers.context import DriverContext
from demo.showfile.drivers.execution import execute, find_container
from demo.showfile.drivers.http_request import send
from demo.showfile.drivers.secrets import Secrets
from demo.showfile.drivers.substitution import Lookup, fill_data, fill_each, from_values, names_in
from demo.showfile.schema.faults import ActionStep, ExecCommand, HttpRequest

Step = Mapping[str, Any]
"""As it is stored in a plan: one of `run` (argv), `exec` and `http` (their settings), nothing filled in yet."""


def as_steps(undo: Sequence[Any] | None, own_kind: str) -> list[dict[str, Any]]:
    """Return the steps of an undo as a show file writes it: one argv, or a list of argvs and maps.

    A plain argv runs where its fault's own commands run: in the container for `exec`, else here.
    """
    if not undo:
        return []
    given = [undo] if all(isinstance(part, str) for part in undo) else list(undo)
    return [_as_step(part, own_kind) for part in given]


def _as_step(part: Any, own_kind: str) -> dict[str, Any]:
    if isinstance(part, ActionStep):
        if part.run is not None:
            return {"run": list(part.run)}
        return exec_step(part.exec) if part.exec is not None else http_step(part.http)
    return {"exec": {"command": list(part)}} if own_kind == "exec" else {"run": list(part)}


def exec_step(command: ExecCommand) -> dict[str, Any]:
    return {"exec": command.model_dump(mode="json", exclude_none=True)}


def http_step(request: HttpRequest | None) -> dict[str, Any]:
    return {"http": request.model_dump(mode="json") if request is not None else {}}


def in_container(step: Step, container: str) -> dict[str, Any]:
    """Return the step with the id of its container, instead of the service or name that the show file has."""
    return {"exec": {"command": step["exec"]["command"], "container": container}}


def argv_of(step: Step) -> list[str]:
    """Return the arguments of a step's command; none for a request."""
    return list(step["run"] if "run" in step else step.get("exec", {}).get("command", ()))


def check_names(steps: Sequence[Step], values: Mapping[str, str] | Sequence[str], secrets: Secrets) -> None:
    """Raise `FaultError` for a secret among the arguments of a command, and for a name without a value."""
    for step in steps:
        in_argv = names_in(argv_of(step))
        if exposed := sorted(in_argv & secrets.variables.keys() - set(values)):
            raise FaultError(
                f"the secret {exposed[0]} cannot be an argument of {called(argv_of(step))}: everybody on its machine "
                "can read arguments. The command finds it in its environment"
            )
        allowed = {*values, *(() if argv_of(step) else secrets.variables)}
        if unknown := sorted((in_argv | names_in(step.get("http", {}))) - allowed):
            from_values(dict.fromkeys(allowed, ""))(unknown[0])


@dataclass(frozen=True)
class StepRunner:
    """Carries out steps with these values and secrets, in the folder `cwd`."""

    context: DriverContext
    values: Mapping[str, str]
    secrets: Secrets
    cwd: str

    @property
    def _lookup(self) -> Lookup:
        own = from_values(self.values)
        secret = self.secrets.look_up(own)
        return lambda name: (own if name in self.values else secret)(name)

    def argv(self, step: Step) -> list[str]:
        """Return the command of a step, filled. Raises `FaultError`."""
        return fill_each(argv_of(step), from_values(self.values))

    async def perform(self, step: Step, timeout_sec: float, *, undoing: bool = False) -> None:
        """Carry out one step. Raises `FaultError`, without any secret in its text. `undoing`: "gone" is success."""
        with self.secrets.masking():
            if "http" in step:
                await send(fill_data(step["http"], self._lookup), step["http"]["url"], timeout_sec, undoing=undoing)
            elif "exec" in step:
                await self._execute(step, timeout_sec, undoing=undoing)
            else:
                (await run_command(self.argv(step), timeout_sec, self.cwd)).check()

    async def _execute(self, step: Step, timeout_sec: float, *, undoing: bool) -> None:
        given = ExecCommand.model_validate(step["exec"])
        container = given.container or ""
        if not undoing:  # a step of a chapter, which names its container; an undo has the id
            container = (await find_container(given.service, given.container, self.context)).id
        finished = await execute(self.context.engine, container, self.argv(step), timeout_sec)
        if finished is not None:
            finished.check()
        elif not undoing:
            raise FaultError("the container was removed meanwhile")
