"""What an edited show file means for the running show: what changes at once, what does later, and why it may not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from demo.showfile.file_text import UnreadableFile, read_text
from demo.showfile.log_events.show_events import programs_of
from demo.showfile.problems import Problem, ShowFileError, shorten
from demo.showfile.schema.front_matter import FrontMatter
from demo.showfile.show import Show, check_show
from demo.showfile.source import ShowSource
from demo.showfile.trust import needs_trust

AT_ONCE = frozenset(
    {"title", "description", "duration", "probes", "groups", "links", "faults", "load", "events", "theme", "language"},
)
"""What is taken over of a front matter while the show goes on; anything else is, at the next start."""


MAX_MESSAGE = 160
"""Characters of a problem that is told while the show goes on; demo check tells all of it."""


@dataclass(frozen=True)
class ReadFile:
    """A show file as it is on the disk now. `show` is None if it cannot be presented; `error` says why then.

    `others`: the files that it names, whether or not they exist.
    """

    show: Show | None
    error: str
    others: tuple[Path, ...]


def read_edited(path: Path, running: Show, may_run: bool) -> ReadFile:
    """Read the file anew, unless it is as the running show has it."""
    if _is_as_before(path, running.source):
        return ReadFile(running, "", _others(running.source))
    try:
        show, problems, source = check_show(path)
    except ShowFileError as error:
        return ReadFile(None, describe_problems(path, error.problems), _others(running.source))
    if show is None:
        errors = [problem for problem in problems if problem.severity == "error"]
        return ReadFile(None, describe_problems(path, errors), _others(source))
    if not may_run and (found := needs_trust(show)):
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        what = shorten(f"{found[0].kind} {found[0].text}", MAX_MESSAGE)
        why = f"{path.name}: the edited file needs -x (--allow-run) now, for it {what}{more}"
        return ReadFile(None, f"{why}; the show goes on with the file as it was", _others(source))
    return ReadFile(show, "", _others(source))


def describe_problems(path: Path, problems: Sequence[Problem]) -> str:
    """Return the first problem with its place, and how many there are."""
    first = str(problems[0]) if problems else f"{path}: it cannot be presented"
    # By its name alone: the presenter knows where the show is.
    first = shorten(first.removeprefix(f"{path.parent}/"), MAX_MESSAGE)
    more = f" ({len(problems) - 1} more: demo check lists all)" if len(problems) > 1 else ""
    return f"{first}{more}; the show goes on with the file as it was"


def as_it_runs(edited: Show, running: Show) -> tuple[Show, tuple[str, ...]]:
    """Return an edited show without what cannot be changed while it runs, and the keys of that."""
    before, now = running.settings, edited.settings
    later = {
        name: getattr(before, name)
        for name in FrontMatter.model_fields
        if name not in AT_ONCE and getattr(before, name) != getattr(now, name)
    }
    if programs_of(before.events) != programs_of(now.events):
        later["events"] = before.events  # the supervisor knows the programs that it started with
    settings = edited.settings.model_copy(update=later)
    return replace(edited, settings=settings, known_as=running.name), tuple(later)


def describe_edit(path: Path, edited: Show, running: Show, later: Sequence[str], in_place: Sequence[str]) -> str:
    """Return the line about an edit for the presenter's log."""
    said = [f"{path.name} was edited"]
    if later:
        said.append(f"at the next start: {', '.join(later)}")
    if in_place:
        said.append(f"once healed: {', '.join(in_place)}")
    if edited.name != running.name and "id" not in later:
        said.append(f"the next start begins a new show: to continue this one, write id: {running.name}")
    return "; ".join(said)


def changed_faults(edited: Show, running: Show) -> set[str]:
    """Return the faults that an edit changes or removes, or whose load it does."""
    before, now = running.settings, edited.settings
    loads = {name for name, load in before.load.items() if now.load.get(name) != load}
    return {
        name
        for name, fault in before.faults.items()
        if now.faults.get(name) != fault or (fault.traffic is not None and fault.traffic.load in loads)
    }


def _is_as_before(path: Path, source: ShowSource) -> bool:
    folder = source.folder or Path()
    try:
        texts = {name: read_text(folder / name) for name in source.files}
        images = {name: (folder / name).read_bytes() for name in source.images}
        bodies = {name: image.body for name, image in source.images.items()}
        return read_text(path) == source.text and texts == source.files and images == bodies
    except (UnreadableFile, OSError):
        return False


def _others(source: ShowSource) -> tuple[Path, ...]:
    folder = source.folder or Path()
    return tuple(folder / name for name in source.named)
