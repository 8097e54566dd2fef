"""Subjects that other distributions bring: the entry points of the group `demo.subjects`, each a class by its name."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import cast

from demo.errors import UsageError, describe
from demo.subjects.user_code import describe_error

GROUP = "demo.subjects"


@dataclass(frozen=True)
class InstalledSubject:
    """One entry point: `place` is its `module:Class`, `distribution` the name and version of what brings it."""

    name: str
    place: str
    distribution: str
    entry_point: metadata.EntryPoint

    def load(self) -> Callable[..., object]:
        """Return its class. Raises `UsageError` that names the distribution, for whatever is wrong with it."""
        try:
            found = self.entry_point.load()
        except (Exception, SystemExit) as error:
            why = describe_error(error) if isinstance(error, Exception) else describe(error)
            raise UsageError(f"{self} cannot be loaded: {why}") from error
        if not callable(found):
            raise UsageError(f"{self} is not a subject: {self.place} is not a class or a function that makes one")
        return cast("Callable[..., object]", found)

    def __str__(self) -> str:
        return f"the subject {self.name!r} of {self.distribution}"


def installed_subjects() -> tuple[InstalledSubject, ...]:
    """Return what is installed, by name; of two with one name the first that Python finds."""
    found: dict[str, InstalledSubject] = {}
    for entry in metadata.entry_points(group=GROUP):
        found.setdefault(entry.name, InstalledSubject(entry.name, entry.value, _describe_origin(entry), entry))
    return tuple(sorted(found.values(), key=lambda subject: subject.name))


def find_installed(name: str) -> InstalledSubject | None:
    """Return the installed subject of this name, None if there is none."""
    return next((subject for subject in installed_subjects() if subject.name == name), None)


def installed_names() -> tuple[str, ...]:
    return tuple(subject.name for subject in installed_subjects())


def _describe_origin(entry: metadata.EntryPoint) -> str:
    origin = entry.dist
    return f"{origin.name} {origin.version}" if origin is not None else "an unknown distribution"
