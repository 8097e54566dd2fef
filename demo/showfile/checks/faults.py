"""Checks of faults: what they hit, and that each can be undone and proved healed."""

from collections.abc import Iterator

from demo.errors import InvalidValue
from demo.showfile.checks import texts
from demo.showfile.checks.known_names import KnownNames
from demo.showfile.checks.places import Checked, unknown
from demo.showfile.schema.faults import ActionStep, ExecCommand, FaultSettings, HttpRequest
from demo.showfile.schema_paths import Path
from demo.watchdog.undo import MAX_HEAL_TIMEOUT_SEC


def check_faults(checked: Checked, names: KnownNames) -> None:
    for name, fault in checked.settings.faults.items():
        _check_target(checked, name, fault, names)
        _check_tcp(checked, name, fault, names)
        _check_filled(checked, name, fault)
        _check_end(checked, name, fault)
        _check_addresses(checked, name, fault)
        if fault.traffic is not None and fault.traffic.load not in names.loads:
            checked.front.unknown(("faults", name, "traffic", "load"), "load", fault.traffic.load, names.loads)


def _check_target(checked: Checked, name: str, fault: FaultSettings, names: KnownNames) -> None:
    if (container := fault.container) is not None:
        given = [key for key in ("service", "name", "group", "where") if getattr(container, key) is not None]
        if len(given) != 1:
            text = "name the container by exactly one of service, name, group and where"
            checked.front.error(("faults", name, "container"), f"faults.{name}.container: {text}", at_key=True)
        elif container.group is not None and container.group not in names.groups:
            checked.front.unknown(("faults", name, "container", "group"), "group", container.group, names.groups)
        if "pick" in container.model_fields_set and container.name is not None:
            text = "pick means nothing with name: there is one container to pick from"
            checked.front.error(("faults", name, "container", "pick"), text, at_key=True)
    if (process := fault.process) is None:
        return
    if process.name is not None:
        if process.name not in names.processes:
            checked.front.unknown(("faults", name, "process", "name"), "process", process.name, names.processes)
        return
    own_ports = {settings.port for settings in checked.settings.processes.values()}
    is_own = process.where is not None or process.port in own_ports
    if process.do == "kill" and not is_own and (fault.undo is None or fault.healed is None):
        checked.front.error(
            ("faults", name),
            "a process that the show did not start is killed only with undo and healed: nobody but this file knows how "
            "it is started again, and what proves it",
            at_key=True,
        )


def _check_tcp(checked: Checked, name: str, fault: FaultSettings, names: KnownNames) -> None:
    if (tcp := fault.tcp) is None:
        return
    if tcp.proxy not in names.proxies:
        checked.front.unknown(("faults", name, "tcp", "proxy"), "proxy", tcp.proxy, names.proxies)
        return
    try:
        tcp.as_toxic()
    except InvalidValue as error:
        checked.front.error(("faults", name, "tcp"), f"faults.{name}.tcp: {error}", at_key=True)


def _check_filled(checked: Checked, name: str, fault: FaultSettings) -> None:
    """Report `${names}` that `before` does not fill, secrets in arguments, and commands of `before` without a use."""
    known = (*fault.before, *checked.declared("secrets"))
    used: set[str] = set()
    for path, text, may_hold_secret in _filled_texts(name, fault):
        for word, offset in texts.filled_names(text):
            used.add(word)
            if word not in known:
                said = (
                    unknown("value", word, tuple(fault.before))
                    if fault.before
                    else (f"nothing fills ${{{word}}}: add before: {{{word}: [command]}}, whose output it becomes")
                )
                checked.front.error_in(path, offset, said)
            elif word not in fault.before and not may_hold_secret:
                checked.front.error_in(path, offset, secret_in_argv(word))
    for word in fault.before:
        if word in checked.declared("secrets"):
            text = f"{word} is a secret: what before reads is written into the journal"
            checked.front.error(("faults", name, "before", word), text, at_key=True)
        elif word not in used:
            text = f"nothing uses ${{{word}}}: an undo puts back its own value"
            checked.front.warning(("faults", name, "before", word), text, at_key=True)


def _check_end(checked: Checked, name: str, fault: FaultSettings) -> None:
    if fault.kind in {"tcp", "redis", "traffic"} and fault.undo is not None:
        text = f"a fault by {fault.kind} undoes itself: leave undo out"
        checked.front.error(("faults", name, "undo"), text, at_key=True)
    if fault.ends is not None and fault.duration is not None and "duration" in fault.model_fields_set:
        text = "ends and duration exclude each other: a fault that ends by itself is not ended by the show"
        checked.front.error(("faults", name, "duration"), text, at_key=True)
    if fault.heal_timeout > MAX_HEAL_TIMEOUT_SEC:
        text = f"heal_timeout is {MAX_HEAL_TIMEOUT_SEC:g}s at most: after that the fault is shown as not healed"
        checked.front.warning(("faults", name, "heal_timeout"), text)
    if fault.undo == ():
        checked.front.error(("faults", name, "undo"), "undo is empty: say how the fault is undone")


def secret_in_argv(name: str) -> str:
    return f"{name} is a secret: everyone here can see the arguments of a command. Use it in env, headers or URLs"


def _filled_texts(name: str, fault: FaultSettings) -> Iterator[tuple[Path, str, bool]]:
    """Yield the texts in which `${…}` is filled, with their paths, and whether a secret may be filled in."""
    base: Path = ("faults", name)
    if fault.run is not None:
        yield from _argv((*base, "run"), fault.run)
    if fault.exec is not None:
        yield from _argv((*base, "exec", "command"), fault.exec.command)
    if fault.http is not None:
        yield from _request((*base, "http"), fault.http)
    if fault.undo is None:
        return
    for index, step in enumerate(fault.undo):
        path = (*base, "undo", index)
        if isinstance(step, str):
            yield path, step, False
        elif isinstance(step, ActionStep):
            yield from _action(path, step)
        else:
            yield from _argv(path, step)


def _action(path: Path, step: ActionStep) -> Iterator[tuple[Path, str, bool]]:
    if step.run is not None:
        yield from _argv((*path, "run"), step.run)
    if step.exec is not None:
        yield from _argv((*path, "exec", "command"), step.exec.command)
    if step.http is not None:
        yield from _request((*path, "http"), step.http)


def _argv(path: Path, argv: tuple[str, ...]) -> Iterator[tuple[Path, str, bool]]:
    yield from (((*path, index), argument, False) for index, argument in enumerate(argv))


def _request(path: Path, request: HttpRequest) -> Iterator[tuple[Path, str, bool]]:
    yield (*path, "url"), request.url, True
    yield from (((*path, "headers", key), value, True) for key, value in request.headers.items())
    if isinstance(request.body, str):
        yield (*path, "body"), request.body, True


def _check_addresses(checked: Checked, name: str, fault: FaultSettings) -> None:
    base: Path = ("faults", name)
    if fault.redis is not None and (wrong := texts.address_fault(fault.redis.url, "redis")):
        checked.front.error((*base, "redis", "url"), f'"{fault.redis.url}" {wrong}')
    if fault.json_ is not None:
        if wrong := texts.address_fault(fault.json_.url, "http"):
            checked.front.error((*base, "json", "url"), f'"{fault.json_.url}" {wrong}')
        if wrong := texts.jsonpath_fault(fault.json_.path):
            checked.front.error((*base, "json", "path"), f'"{fault.json_.path}" {wrong}')
    for path, request in _requests(base, fault):
        if wrong := texts.address_fault(request.url, "http"):
            checked.front.error((*path, "url"), f'"{request.url}" {wrong}')
    for path, command in _execs(base, fault):
        if (command.service is None) == (command.container is None):
            text = "exec needs either service or container: in which container the command runs"
            checked.front.error(path, text, at_key=True)


def _requests(base: Path, fault: FaultSettings) -> Iterator[tuple[Path, HttpRequest]]:
    if fault.http is not None:
        yield (*base, "http"), fault.http
    for index, step in enumerate(fault.undo or ()):
        if isinstance(step, ActionStep) and step.http is not None:
            yield (*base, "undo", index, "http"), step.http


def _execs(base: Path, fault: FaultSettings) -> Iterator[tuple[Path, ExecCommand]]:
    if fault.exec is not None:
        yield (*base, "exec"), fault.exec
    for index, step in enumerate(fault.undo or ()):
        if isinstance(step, ActionStep) and step.exec is not None and fault.exec is None:
            yield (*base, "undo", index, "exec"), step.exec
