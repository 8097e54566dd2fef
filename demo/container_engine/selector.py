"""Selecting a container: everything that is given must match exactly, never a part of a name."""

from collections.abc import Iterable
from dataclasses import dataclass

from demo.container_engine.container import TARGET_LABEL, Container
from demo.errors import EngineError, InvalidValue


@dataclass(frozen=True)
class Selector:
    """`label` is `key=value`. What is empty is not compared; service, name or label must be given."""

    project: str = ""
    service: str = ""
    name: str = ""
    label: str = ""

    def __post_init__(self) -> None:
        if not (self.service or self.name or self.label):
            raise InvalidValue("a selector of a container needs a service, a name or a label")
        if self.label and "=" not in self.label:
            raise InvalidValue(f"a selector's label is written key=value, not {self.label!r}")

    def __str__(self) -> str:
        """Return what people call the container."""
        return self.service or self.name or self.label

    def matches(self, container: Container) -> bool:
        key, _, value = self.label.partition("=")
        return (
            self.project in ("", container.project)
            and self.service in ("", container.service)
            and self.name in ("", container.name)
            and (not self.label or container.labels.get(key) == value)
        )


def select_one(selector: Selector, containers: Iterable[Container], *, allow_unlabelled: bool) -> Container:
    """Return the one container that matches. Raises `EngineError`: none does, several do, or it may not be touched."""
    matching = [container for container in containers if selector.matches(container)]
    if not matching:
        raise EngineError(f"there is no container {_describe(selector)}: see `docker ps --all`")
    if len(matching) > 1:
        names = ", ".join(sorted(container.name for container in matching))
        raise EngineError(f"there are {len(matching)} containers {_describe(selector)}, not one: {names}")
    if not matching[0].is_target and not allow_unlabelled:
        raise EngineError(
            f"the container {matching[0].name} does not have the label {TARGET_LABEL}=true, so no fault may change it: "
            "add the label where the container is defined, or start with --allow-unlabelled"
        )
    return matching[0]


def _describe(selector: Selector) -> str:
    given = {
        "of service": selector.service,
        "named": selector.name,
        "labelled": selector.label,
        "of project": selector.project,
    }
    return " ".join(f"{word} {value}" for word, value in given.items() if value)
