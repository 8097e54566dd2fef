"""Checks of containers: the compose file that a show names, its project, and the services that are named elsewhere."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from demo.showfile.checks.places import Checked, SettingsBlock
from demo.showfile.problems import Position, Problem, shorten
from demo.showfile.schema_paths import Path as DataPath

PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]*")

Named = tuple[SettingsBlock, DataPath, str]
"""A service's name, and its place in a block of settings."""


def check_compose(checked: Checked) -> None:
    """Report what is wrong with the compose file, and services that it does not have."""
    system = checked.settings.system
    if system is not None and system.project is not None and not PROJECT.fullmatch(system.project):
        allowed = 'use a-z, 0-9, "_" and "-", and begin with a letter'
        text = f'"{system.project}" is not a valid name for a compose project: {allowed}'
        checked.front.error(("system", "project"), text)
    data = _read(checked)
    services = None
    if isinstance(data, Mapping) and "include" not in data and isinstance(data.get("services"), Mapping):
        services = tuple(map(str, data["services"]))
    for block, path, service in _named_services(checked):
        if system is None and checked.settings.subject is None:
            block.error(
                path, f"{service} is a service of which system? Say system: {{compose: FILE}} or {{attach: PROJECT}}"
            )
        elif services is not None and service not in services:
            block.unknown(path, "service of the compose file", service, services)


def _named_services(checked: Checked) -> Iterator[Named]:
    settings, front = checked.settings, checked.front
    yield from _named_logs(checked)
    for kind, of, keys in (
        ("probes", settings.probes, ("exec", "log")),
        ("faults", settings.faults, ("container", "exec")),
    ):
        for name, entry in of.items():
            for key in keys:
                inner = getattr(entry, key)
                if inner is not None and inner.service is not None:
                    yield front, (kind, name, key, "service"), inner.service
    for chapter in checked.chapters:
        for index, step in enumerate(chapter.settings.on_enter):
            if not isinstance(step, str) and step.exec is not None and step.exec.service is not None:
                yield chapter.block, ("on_enter", index, "exec", "service"), step.exec.service


def _named_logs(checked: Checked) -> Iterator[Named]:
    for name, panel in checked.settings.panels.items():
        if panel.log is not None:
            yield checked.front, ("panels", name, "log"), panel.log
    for name, event in checked.settings.events.items():
        if event.log is not None:
            yield checked.front, ("events", name, "log"), event.log


def _read(checked: Checked) -> Any:
    """Return the compose file's data, None where it cannot be read here. What is wrong with it as YAML is reported."""
    system, folder = checked.settings.system, checked.source.folder
    if system is None or system.compose is None or folder is None:
        return None
    path = folder / Path(system.compose).expanduser()
    shown = str(Path(checked.source.file).parent / system.compose)
    try:
        data: Any = yaml.safe_load(path.read_text("utf-8"))
    except yaml.constructor.ConstructorError:
        return None  # a tag of compose's own
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = Position(mark.line + 1, mark.column + 1) if mark is not None else Position(1)
        said = shorten(error.problem or "it cannot be read")
        checked.front.problems.append(Problem(shown, place, f"this compose file is not valid YAML: {said}"))
        return None
    except (OSError, ValueError, yaml.YAMLError):
        return None  # that it is missing is said elsewhere; of the rest, compose says better what is wrong
    if not isinstance(data, Mapping) or not isinstance(data.get("services", {}), Mapping):
        text = "a compose file is a mapping with services: NAME: {image: …}"
        checked.front.problems.append(Problem(shown, Position(1), text))
    elif not data.get("services") and "include" not in data:
        checked.front.problems.append(Problem(shown, Position(1), "this compose file has no services"))
    return data
