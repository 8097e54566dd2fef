"""`demo subjects`: what can be presented by name, and what is wrong with an installed one."""

from collections.abc import Iterator

from demo.errors import UsageError
from demo.subjects.installed import InstalledSubject, installed_subjects
from demo.subjects.registry import names


def as_table() -> Iterator[str]:
    """Yield a line for each subject: its name, where it comes from, and why it cannot be presented."""
    rows = [(name, "built-in") for name in names()]
    rows += [(subject.name, _describe(subject)) for subject in installed_subjects()]
    width = max(len(name) for name, _ in rows)
    yield from (f"{name:<{width}}  {text}" for name, text in rows)


def _describe(subject: InstalledSubject) -> str:
    if subject.name in names():
        return f"{subject.distribution}: not used, because the built-in subject has the same name"
    try:
        subject.load()
    except UsageError as error:
        return f"{subject.distribution}: {error}"
    return subject.distribution
