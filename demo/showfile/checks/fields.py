"""Which fields the nodes of a probe have, as far as that is known before it is asked."""

from collections.abc import Mapping

from demo.showfile.checks import texts
from demo.showfile.schema.descriptions import BOOK_FIELDS
from demo.showfile.schema.probes import ProbeSettings

FIELDS: Mapping[str, tuple[str, ...]] = {
    "http": ("status", "latency", "body", "headers", "text"),
    "tcp": ("latency",),
    "exec": ("exit", "output", "body", "latency"),
    "run": ("exit", "output", "body", "latency"),
    "redis": ("role", "latency"),
    "postgres": ("latency", "role", "value", "writes", "body"),
    "prometheus": ("value", "body"),
    "docker": ("state", "exit"),
    "process": ("state", "pid", "exit", "listening"),
    "log": ("rate", "count", "line"),
}
"""What each kind of probe measures."""

OF_NODES = ("state", "health")
"""What is known of every node, seen from outside of its probe."""

OF_LOADS = ("rate", "errors", "count", "avg", "med", "min", "max", "p")
"""What is known of the requests of a load."""

OF_BOOKS = tuple(BOOK_FIELDS)
"""What is known of the writes of a load with a book, as `book.lost`."""

BOOK = "book"


def own_fields(probe: ProbeSettings) -> tuple[str, ...] | None:
    """Return the fields that a probe's own conditions can name, None if only its answer says."""
    if probe.each is not None and probe.each.startswith("lines:"):
        pattern = probe.each.removeprefix("lines:").strip()
        return None if texts.regex_fault(pattern) else (*FIELDS[probe.kind], *texts.group_names(pattern))
    if probe.each is not None or (probe.query is not None and probe.kind == "postgres"):
        return None
    if probe.query is not None and probe.id is not None:
        return None
    if probe.log is not None and not texts.regex_fault(probe.log.match):
        return (*FIELDS["log"], *texts.group_names(probe.log.match))
    return FIELDS[probe.kind]


def has_rows(probe: ProbeSettings) -> bool:
    """Return whether one answer tells of many nodes."""
    return probe.each is not None or (probe.id is not None and probe.query is not None)
