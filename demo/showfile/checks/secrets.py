"""Checks of secrets: they exist where they are used, and never stand in the arguments of a command."""

import re
from collections.abc import Iterator, Mapping

from demo.showfile.checks import texts
from demo.showfile.checks.chapters import check_argv
from demo.showfile.checks.known_names import KnownNames
from demo.showfile.checks.places import Checked, SettingsBlock
from demo.showfile.schema.chapters import Step
from demo.showfile.schema_paths import Path

NUMBERS = ("n", "from", "to")
"""`${n}` in what a load with a book sends, `${from}` and `${to}` where it reads."""

_VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def check_secrets(checked: Checked, names: KnownNames) -> None:
    for name, secret in checked.settings.secrets.items():
        if not _VARIABLE.fullmatch(secret.env):
            text = f'"{secret.env}" is not the name of an environment variable: the secret itself stays out of the file'
            checked.front.error(("secrets", name, "env"), text)
    for path, argv in _commands(checked):
        check_argv(checked.front, path, argv, names)
    for path, text in _filled(checked):
        _check_filled(checked.front, path, text, names)
    for chapter in checked.chapters:
        for index, step in enumerate(chapter.settings.on_enter):
            if isinstance(step, Step) and step.http is not None:
                base: Path = ("on_enter", index, "http")
                _check_filled(chapter.block, (*base, "url"), step.http.url, names)
                for key, value in step.http.headers.items():
                    _check_filled(chapter.block, (*base, "headers", key), value, names)


def _commands(checked: Checked) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield the commands that no fault runs; those are checked with what `before` fills."""
    settings = checked.settings
    for name, process in settings.processes.items():
        yield ("processes", name, "run"), process.run
    for name, probe in settings.probes.items():
        if probe.run is not None:
            yield ("probes", name, "run"), probe.run
        if probe.exec is not None:
            yield ("probes", name, "exec", "command"), probe.exec.command
    yield from _commands_shown(checked)
    for name, fault in settings.faults.items():
        for word, argv in fault.before.items():
            yield ("faults", name, "before", word), argv


def _commands_shown(checked: Checked) -> Iterator[tuple[Path, tuple[str, ...]]]:
    for name, panel in checked.settings.panels.items():
        if panel.run is not None:
            yield ("panels", name, "run"), panel.run
    for name, event in checked.settings.events.items():
        if event.run is not None:
            yield ("events", name, "run"), event.run


def _filled(checked: Checked) -> Iterator[tuple[Path, str]]:
    """Yield the texts in which nothing but secrets is filled: environments, headers, addresses."""
    settings = checked.settings
    for name, process in settings.processes.items():
        yield from _of_mapping(("processes", name, "env"), process.env)
    for name, probe in settings.probes.items():
        base: Path = ("probes", name)
        yield from _of_mapping((*base, "headers"), probe.headers)
        written = getattr(probe, probe.kind)
        if probe.kind in {"http", "redis", "postgres", "prometheus"} and isinstance(written, str):
            yield (*base, probe.kind), written
        elif probe.kind in {"http", "redis", "postgres"}:
            yield from (((*base, probe.kind, index), text) for index, text in enumerate(written))
    yield from _filled_elsewhere(checked)


def _filled_elsewhere(checked: Checked) -> Iterator[tuple[Path, str]]:
    settings = checked.settings
    for name, load in settings.load.items():
        for key in ("http", "postgres", "redis", "read", "body"):
            if (written := getattr(load, key)) is not None:
                yield ("load", name, key), without_numbers(written) if load.book else written
        yield from _of_mapping(("load", name, "headers"), load.headers)
    for name, fault in settings.faults.items():
        if fault.redis is not None:
            yield ("faults", name, "redis", "url"), fault.redis.url
        if fault.json_ is not None:
            yield ("faults", name, "json", "url"), fault.json_.url
            yield from _of_mapping(("faults", name, "json", "headers"), fault.json_.headers)


def without_numbers(text: str) -> str:
    """Return a text of a load with a book, of the same length, without what stands for its numbers."""
    for name in NUMBERS:
        text = text.replace(f"${{{name}}}", "0" * (len(name) + 3))
    return text


def _of_mapping(path: Path, values: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    yield from (((*path, key), value) for key, value in values.items())


def _check_filled(block: SettingsBlock, path: Path, text: str, names: KnownNames) -> None:
    for word, offset in texts.filled_names(text):
        if word not in names.secrets:
            block.unknown(path, "secret", word, names.secrets, offset=offset)
