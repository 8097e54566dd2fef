"""Checks of chapters: what their steps name, their panels, their budget, and that each id is theirs alone."""

from demo.errors import InvalidValue
from demo.panels.picture import MAX_PANELS
from demo.showfile.checks import texts
from demo.showfile.checks.faults import secret_in_argv
from demo.showfile.checks.highlights import check_highlight
from demo.showfile.checks.known_names import KnownNames
from demo.showfile.checks.places import Checked, CheckedChapter, SettingsBlock
from demo.showfile.quantities import describe_duration, parse_rate
from demo.showfile.schema.chapters import Step
from demo.showfile.schema_paths import Path

MAX_SAY = 280


def check_chapters(checked: Checked, names: KnownNames) -> None:
    seen: dict[str, CheckedChapter] = {}
    for chapter in checked.chapters:
        name = chapter.settings.id
        if name is not None and (first := seen.setdefault(name, chapter)) is not chapter:
            text = f'the id "{name}" is that of chapter {first.number} already: an edit could not tell them apart'
            chapter.block.error(("id",), text)
        for index, step in enumerate(chapter.settings.on_enter):
            if isinstance(step, Step):
                _check_step(chapter.block, ("on_enter", index), step, names)
        _check_screen(chapter, names)
        if chapter.settings.expect is None and "check" in chapter.settings.model_fields_set:
            chapter.block.error(("check",), "check needs expect: it says when that is watched", at_key=True)
    _check_budget(checked)


def _check_step(block: SettingsBlock, path: Path, step: Step, names: KnownNames) -> None:
    _check_faults_of(block, path, step, names)
    for load, order in (step.load or {}).items():
        if load not in names.loads:
            block.unknown((*path, "load", load), "load", load, names.loads, at_key=True)
        if order not in {"start", "stop"}:
            _check_rate(block, (*path, "load", load), order)
    if step.python is not None and (wrong := texts.python_fault(step.python)):
        block.error((*path, "python"), f'"{step.python}" {wrong}')
    if step.http is not None and (wrong := texts.address_fault(step.http.url, "http")):
        block.error((*path, "http", "url"), f'"{step.http.url}" {wrong}')
    if step.exec is not None and (step.exec.service is None) == (step.exec.container is None):
        text = "exec needs either service or container: in which container the command runs"
        block.error((*path, "exec"), text, at_key=True)
    if step.say is not None and len(step.say) > MAX_SAY:
        block.error((*path, "say"), f"say is too long: {len(step.say)} characters, {MAX_SAY} fit on a screen")
    commands = {("run",): step.run or (), ("exec", "command"): step.exec.command if step.exec else ()}
    for inner, argv in commands.items():
        check_argv(block, (*path, *inner), argv, names)


def _check_faults_of(block: SettingsBlock, path: Path, step: Step, names: KnownNames) -> None:
    if step.fault is not None and not names.is_fault(step.fault):
        block.unknown((*path, "fault"), "fault", step.fault, names.all_faults)
    if step.heal not in {None, "all"} and not names.is_fault(str(step.heal)):
        block.unknown((*path, "heal"), "fault", str(step.heal), (*names.all_faults, "all"))


def check_argv(block: SettingsBlock, path: Path, argv: tuple[str, ...], names: KnownNames) -> None:
    """Report secrets in the arguments of a command."""
    for index, argument in enumerate(argv):
        for word, offset in texts.filled_names(argument):
            if word in names.secrets:
                block.error_in((*path, index), offset, secret_in_argv(word))


def _check_rate(block: SettingsBlock, path: Path, order: str) -> None:
    try:
        parse_rate(order)
    except InvalidValue as error:
        block.error(path, f"{error}; or start, or stop")


def _check_screen(chapter: CheckedChapter, names: KnownNames) -> None:
    block, settings = chapter.block, chapter.settings
    panels = settings.panels
    for index, panel in enumerate(panels):
        if panel not in names.panels:
            path: Path = ("panel",) if isinstance(settings.panel, str) else ("panel", index)
            block.unknown(path, "panel", panel, names.panels)
    if len(panels) > MAX_PANELS:
        text = f"a chapter shows {MAX_PANELS} panels at most, not {len(panels)}: one wall has no room for more"
        block.error(("panel",), text)
    if len(set(panels)) < len(panels):
        block.error(("panel",), "a panel is named twice")
    if settings.layout == "panel" and not panels:
        block.error(("layout",), "layout: panel needs panel: the name of what to show")
    check_highlight(chapter, names)


def _check_budget(checked: Checked) -> None:
    total = checked.settings.duration
    planned = sum(chapter.settings.budget or 0 for chapter in checked.chapters)
    if total is not None and planned > total:
        text = f"the budgets of the chapters add up to {describe_duration(planned)}, more than the talk's duration"
        checked.front.warning(("duration",), text)
