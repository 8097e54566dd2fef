"""What a node belongs to, so that a fault that chooses nodes finds what to break: a process or a container. No I/O."""

from dataclasses import dataclass

from demo.showfile.schema.probes import ProbeSettings

ID = "${id}"


@dataclass(frozen=True, slots=True)
class Owner:
    """`process`: its name in the show. `container`: a compose service or a container's whole name. "": none."""

    process: str = ""
    container: str = ""

    def __bool__(self) -> bool:
        return bool(self.process or self.container)


def owner_of(settings: ProbeSettings, element: str) -> Owner:
    """Return what the node of a row or address belongs to: as the probe says, else what it asks itself."""
    if settings.behind is not None:
        return Owner(process=settings.behind.replace(ID, element))
    if settings.container is not None:
        return Owner(container=settings.container.replace(ID, element))
    if settings.has_rows:
        return Owner()  # whoever tells of many nodes is none of them
    asked = settings.exec
    in_container = settings.docker or (asked and (asked.container or asked.service)) or ""
    return Owner(settings.process or "", in_container)
