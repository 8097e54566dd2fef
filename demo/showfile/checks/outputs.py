"""Checks of what shows a program's output: panels and events."""

from collections.abc import Sequence

from demo.errors import InvalidValue
from demo.probes.patterns import Pattern
from demo.showfile.checks import texts
from demo.showfile.checks.known_names import KnownNames
from demo.showfile.checks.places import Checked
from demo.showfile.schema.system import EventSettings, PanelSettings

Output = PanelSettings | EventSettings

MAX_EVENTS = 12
"""Each is a source of output that is read several times a second."""


def check_outputs(checked: Checked, names: KnownNames) -> None:
    for name, panel in checked.settings.panels.items():
        _check_source(checked, names, "panels", name, panel)
    for name, event in checked.settings.events.items():
        _check_source(checked, names, "events", name, event)
        _check_text(checked, name, event)
    if len(checked.settings.events) > MAX_EVENTS:
        count = len(checked.settings.events)
        text = f"a show has {MAX_EVENTS} events at most, not {count}: one pattern may match several kinds of line"
        checked.front.error(("events",), text, at_key=True)


def _check_source(checked: Checked, names: KnownNames, key: str, name: str, output: Output) -> None:
    given = [kind for kind in ("run", "log", "process") if getattr(output, kind) is not None]
    if len(given) != 1:
        noun = "a panel" if key == "panels" else "an event"
        checked.front.error((key, name), f"{key}.{name}: {noun} has exactly one of run, log, process", at_key=True)
    if output.process is not None and output.process not in names.processes:
        checked.front.unknown((key, name, "process"), "process", output.process, names.processes)
    if output.match is not None and (fault := texts.regex_fault(output.match)):
        checked.front.error((key, name, "match"), f'{key}.{name}.match: "{output.match}" {fault}')


def _check_text(checked: Checked, name: str, event: EventSettings) -> None:
    """Report what a text fills in that the pattern does not capture."""
    captured = _captured(event.match)
    for word, _ in texts.filled_names(event.text or ""):
        if captured is not None and word not in captured:
            checked.front.unknown(("events", name, "text"), "name that match captures", word, captured)


def _captured(pattern: str) -> Sequence[str] | None:
    """Return the names that a pattern captures; None for one that is wrong, which is told already."""
    try:
        return Pattern(pattern).names
    except InvalidValue:
        return None
