"""The tables of docs/decks.md and the list of `demo check --list`, made from the schema."""

from collections.abc import Iterator, Mapping
from typing import Any

from demo.showfile.schema.chapters import VERBS
from demo.showfile.schema.descriptions import CHECKS, CONDITIONS, FAULT, LAYOUTS, PROBE, STEP
from demo.showfile.schema.editor_schema import editor_schema
from demo.showfile.schema.faults import KINDS as FAULT_KINDS
from demo.showfile.schema.probes import KINDS as PROBE_KINDS

LISTS: Mapping[str, Mapping[str, str]] = {
    "steps of on_enter": {verb: STEP[verb] for verb in VERBS},
    "probes": {kind: PROBE[kind] for kind in PROBE_KINDS},
    "faults": {kind: FAULT[kind] for kind in FAULT_KINDS},
    "conditions": CONDITIONS,
    "layouts": LAYOUTS,
    "check": CHECKS,
}
"""What `demo check --list` prints, by its headings."""


TITLES: Mapping[str, str] = {
    "FrontMatter": "Front matter",
    "SystemSettings": "System",
    "ProcessSettings": "Process",
    "ProxySettings": "Proxy",
    "ProbeSettings": "Probe",
    "ExecProbe": "Probe by exec",
    "LogProbe": "Probe by log",
    "FaultSettings": "Fault",
    "ContainerTarget": "Fault of a container",
    "ProcessTarget": "Fault of a process",
    "TcpToxics": "Fault of a connection",
    "RedisTarget": "Fault of a Redis",
    "TrafficTarget": "Fault by traffic",
    "ExecCommand": "Command in a container",
    "HttpRequest": "HTTP request",
    "JsonValue": "Value in a JSON document",
    "ActionStep": "Step of an undo",
    "LoadSettings": "Load",
    "PanelSettings": "Panel",
    "EventSettings": "Event",
    "SecretSettings": "Secret",
    "ThemeSettings": "Theme",
    "ChapterSettings": "Chapter",
    "VoteSettings": "Vote",
    "Step": "Step",
    "Requirement": "Requirement",
}
"""What each model is called in the documentation, in the order in which it comes there."""


def listing() -> Iterator[str]:
    """Yield the lines of `demo check --list`."""
    for heading, entries in LISTS.items():
        yield heading
        width = max(map(len, entries))
        yield from (f"  {name:<{width}}  {_uncapitalized(text)}" for name, text in entries.items())
        yield ""


def _uncapitalized(text: str) -> str:
    first = text.split(maxsplit=1)[0]
    return (text if first.isupper() and len(first) > 1 else text[0].lower() + text[1:]).rstrip(".")


def tables() -> dict[str, str]:
    """Return each model's keys as a Markdown table, by the model's name."""
    return {name: _table(model) for name, model in editor_schema()["$defs"].items()}


def _table(model: Mapping[str, Any]) -> str:
    required = model.get("required", ())
    rows = ["| key | value | is |", "|---|---|---|"]
    for key, value in model["properties"].items():
        said = value.get("description", "").replace("|", "\\|")
        default = value.get("default")
        if key in required:
            said = f"{said} Required."
        elif default not in (None, "", [], {}, False):
            said = f"{said} Default: `{default}`."
        rows.append(f"| `{key}` | {_words(value)} | {said} |")
    return "\n".join(rows)


def _words(value: Mapping[str, Any]) -> str:
    """Return what a value is, in words."""
    if "x-means" in value:
        return str(value["x-means"])
    if "$ref" in value:
        title = TITLES[value["$ref"].rpartition("/")[2]]
        return f"[{title}](#{title.lower().replace(' ', '-')})"
    if branches := value.get("anyOf", value.get("oneOf")):
        return " or ".join(dict.fromkeys(_words(branch) for branch in branches if branch.get("type") != "null"))
    if "enum" in value or "const" in value:
        return ", ".join(f"`{word}`" for word in value.get("enum", [value.get("const")]))
    return _words_of_type(value)


def _words_of_type(value: Mapping[str, Any]) -> str:
    kind = value.get("type")
    if kind == "array":
        return f"list of {_words(value.get('items', {}))}"
    if kind == "object":
        inner = value.get("additionalProperties") or next(iter(value.get("patternProperties", {}).values()), None)
        return f"NAME: {_words(inner)}" if isinstance(inner, dict) else "mapping"
    return {"boolean": "`true` or `false`", "integer": "whole number"}.get(str(kind), "text" if kind else "anything")
