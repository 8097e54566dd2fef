"""What a show file would do on this machine, for people to read before they run it, and whether it needs `-x`."""

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from demo.errors import DemoError
from demo.showfile.checks.known_names import addresses
from demo.showfile.schema.chapters import Step
from demo.showfile.schema.faults import ActionStep, ExecCommand, FaultSettings, HttpRequest
from demo.showfile.schema.front_matter import FrontMatter
from demo.showfile.schema.probes import ExecProbe, ProbeSettings
from demo.showfile.show import Show
from demo.showfile.subject_options import written_options
from demo.subjects.options import dashed, is_free_text
from demo.subjects.registry import names, takes

Kind = Literal["starts", "runs", "breaks", "sends", "asks", "shows"]

TRUSTED_FAULTS = ("container", "tcp", "redis", "traffic")
"""Kinds of fault that do only what they say. Containers are guarded by their label, the others by the address."""


@dataclass(frozen=True)
class PlannedAction:
    """One thing that a show would do. `needs_trust`: it runs what the file says, so it needs `-x` (`--allow-run`)."""

    kind: Kind
    text: str
    needs_trust: bool = False

    def __str__(self) -> str:
        return f"{self.kind:<7} {self.text}"


def list_planned_actions(show: Show) -> tuple[PlannedAction, ...]:
    """Return all that a show would do, each once: what it starts, runs, breaks, sends, asks and shows."""
    settings = show.settings
    found = (
        *_started(settings),
        *_loads(settings),
        *_of_secrets(settings),
        *(action for name, fault in settings.faults.items() for action in _of_fault(name, fault)),
        *(action for chapter in show.chapters for step in chapter.settings.on_enter for action in _of_step(step)),
        *(action for name, probe in settings.probes.items() for action in _of_probe(name, probe)),
        *_panels(settings),
        *_events(settings),
    )
    order = ("starts", "runs", "breaks", "sends", "asks", "shows")
    return tuple(sorted(dict.fromkeys(found), key=lambda action: order.index(action.kind)))


def needs_trust(show: Show) -> tuple[PlannedAction, ...]:
    """Return what makes the file a program. If there is nothing, it can be presented without `-x`."""
    return tuple(action for action in list_planned_actions(show) if action.needs_trust)


def refusal(show: Show) -> str:
    """Return why the show is not presented without `-x`, with what it would run; empty if it needs none."""
    found = needs_trust(show)
    if not found:
        return ""
    listed = "\n".join(f"  {action}" for action in found)
    return (
        f"{show.source.file} is a program: it would do this on your machine:\n{listed}\n"
        f"If you trust it: add -x (--allow-run)"
    )


def _started(settings: FrontMatter) -> Iterator[PlannedAction]:
    yield from _subject(settings)
    if (system := settings.system) is not None:
        if system.compose is not None:
            yield PlannedAction("starts", f"the containers of {system.compose}, and removes them at the end", True)
        else:
            yield PlannedAction("asks", f"the containers of the project {system.attach}, and leaves them as they are")
    for name, process in settings.processes.items():
        user = f", as user {process.user}" if process.user else ""
        yield PlannedAction("starts", f"process {name}: {command(process.run)}{user}", True)
    for name, proxy in settings.proxies.items():
        yield PlannedAction("starts", f"proxy {name}: {proxy.listen} leads to {proxy.to}")


def _subject(settings: FrontMatter) -> Iterator[PlannedAction]:
    """Yield the subject and its options that are no number or choice: an image or an address may not be harmless."""
    if (subject := settings.subject) is None:
        return
    if ":" in subject:
        yield PlannedAction("starts", f"the Python class {subject}", True)
        return
    kind = "built-in" if subject in names() else "installed"
    yield PlannedAction("starts", f"the {kind} system {subject}")
    try:
        taken = takes(subject)
    except DemoError:
        return  # told by the check
    for name, text in written_options(settings.options):
        if name not in taken or is_free_text(taken[name]):
            yield PlannedAction("starts", f"{subject} with {dashed(name)} {masked(text)}", True)


def _loads(settings: FrontMatter) -> Iterator[PlannedAction]:
    for name, load in settings.load.items():
        where = load.http or load.postgres or load.redis or ""
        writes = ", which are numbered and read again" if load.book else ""
        yield PlannedAction("sends", f"load {name}: {load.rate:g} requests a second to {masked(where)}{writes}", True)


def _of_secrets(settings: FrontMatter) -> Iterator[PlannedAction]:
    """Yield what leaves the environment: a stranger's file could send it to an address of its own."""
    for name, secret in settings.secrets.items():
        yield PlannedAction(
            "sends", f"the value of the environment variable {secret.env}, wherever the file has ${{{name}}}", True
        )


def _of_fault(name: str, fault: FaultSettings) -> Iterator[PlannedAction]:
    needs = fault.kind not in TRUSTED_FAULTS
    yield PlannedAction("breaks", f"fault {name}: {_describe_injection(fault)}", needs)
    for word, argv in fault.before.items():
        yield PlannedAction("runs", f"fault {name} reads {word}: {command(argv)}", True)
    for text in _undo_texts(fault):
        yield PlannedAction("runs", f"fault {name} is undone by {text}", True)


def _describe_injection(fault: FaultSettings) -> str:
    if (container := fault.container) is not None:
        target = container.service or container.name or container.group or f"where {container.where}"
        return f"{container.do} container {target}"
    if (process := fault.process) is not None:
        target = process.name or process.pidfile or (f"on port {process.port}" if process.port else "")
        return f"{process.do} process {target or f'where {process.where}'}"
    if (value := fault.json_) is not None:
        return f"{value.method} {masked(value.url)}, the value at {value.path}"
    if fault.run is not None or fault.exec is not None or fault.http is not None:
        return _action(fault.run, fault.exec, fault.http)
    return _describe_connection_fault(fault)


def _describe_connection_fault(fault: FaultSettings) -> str:
    if fault.tcp is not None:
        return f"connections through proxy {fault.tcp.proxy}"
    if fault.redis is not None:
        return f"pause {masked(fault.redis.url)}"
    return f"{fault.traffic.times} times the load {fault.traffic.load}" if fault.traffic is not None else ""


def _undo_texts(fault: FaultSettings) -> Iterator[str]:
    if fault.undo is None:
        return
    if all(isinstance(part, str) for part in fault.undo):
        yield command(str(part) for part in fault.undo)
        return
    for step in fault.undo:
        yield _action(step.run, step.exec, step.http) if isinstance(step, ActionStep) else command(step)


def _of_step(step: Step | str) -> Iterator[PlannedAction]:
    if isinstance(step, str):
        return
    if step.run is not None or step.exec is not None:
        yield PlannedAction("runs", _action(step.run, step.exec, None), True)
    if step.http is not None:
        yield PlannedAction("sends", _action(None, None, step.http), True)
    if step.python is not None:
        yield PlannedAction("runs", f"Python function {step.python}", True)


def _of_probe(name: str, probe: ProbeSettings) -> Iterator[PlannedAction]:
    if probe.run is not None:
        yield PlannedAction("runs", f"probe {name}, again and again: {command(probe.run)}", True)
    elif probe.exec is not None:
        yield PlannedAction("runs", f"probe {name}, again and again: {_action(None, probe.exec, None)}", True)
    elif given := addresses(probe):
        yield PlannedAction("asks", f"probe {name}: {probe.kind} {', '.join(map(masked, given))}")
        yield from _beyond_reading(name, probe)
    elif probe.log is not None:
        yield PlannedAction("asks", f"probe {name}: the output of {probe.log.process or probe.log.service}")
    if probe.postgres is not None and probe.write:
        yield PlannedAction("sends", f"probe {name} writes rows into a table of its own")


def _beyond_reading(name: str, probe: ProbeSettings) -> Iterator[PlannedAction]:
    """Yield what a probe sends that can change something: SQL can, and so can a POST."""
    if probe.postgres is not None and probe.query is not None:
        yield PlannedAction("sends", f"probe {name}, again and again: {probe.query}", True)
    if probe.http is not None and probe.method == "POST":
        yield PlannedAction("sends", f"probe {name}, again and again: POST", True)


def _panels(settings: FrontMatter) -> Iterator[PlannedAction]:
    for name, panel in settings.panels.items():
        if panel.run is not None:
            yield PlannedAction("runs", f"panel {name}, shown to everyone who watches: {command(panel.run)}", True)
        else:
            of = panel.log or panel.process
            yield PlannedAction("shows", f"panel {name}: the output of {of}, to everyone who watches, secrets filtered")


def _events(settings: FrontMatter) -> Iterator[PlannedAction]:
    for name, event in settings.events.items():
        if event.run is not None:
            yield PlannedAction(
                "runs", f"event {name}, its matching lines shown to everyone: {command(event.run)}", True
            )
        else:
            of = event.log or event.process
            yield PlannedAction(
                "shows", f"event {name}: matching lines of {of}, to everyone who watches, secrets filtered"
            )


def _action(run: tuple[str, ...] | None, inside: ExecCommand | ExecProbe | None, request: HttpRequest | None) -> str:
    if run is not None:
        return command(run)
    if inside is not None:
        return f"{command(inside.command)} (in container {inside.service or inside.container})"
    if request is not None:
        return f"{request.method} {masked(request.url)}"
    return ""


def command(argv: Iterable[str]) -> str:
    """Return a command as one would type it."""
    return shlex.join(argv)


def masked(address: str) -> str:
    """Return an address without the password that it may hold."""
    scheme, separator, rest = address.partition("://")
    login, at, host = rest.rpartition("@")
    if not at or ":" not in login:
        return address
    return f"{scheme}{separator}{login.partition(':')[0]}:…@{host}"
