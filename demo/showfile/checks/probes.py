"""Checks of probes: addresses, what each kind needs and cannot have, and nodes made of an answer."""

from collections.abc import Mapping

from demo.errors import InvalidValue
from demo.showfile.checks import texts
from demo.showfile.checks.fields import OF_NODES, has_rows, own_fields
from demo.showfile.checks.known_names import KnownNames
from demo.showfile.checks.places import Checked
from demo.showfile.probing.addresses import ProbeAddress, expand
from demo.showfile.schema.probes import ProbeSettings

ONLY_FOR: Mapping[str, tuple[str, ...]] = {
    "headers": ("http", "prometheus"),
    "method": ("http",),
    "query": ("postgres", "prometheus"),
    "write": ("postgres",),
    "any": ("http", "tcp", "redis", "postgres"),
    "each": ("http", "exec", "run", "postgres", "prometheus", "redis"),
}
"""Keys that mean something for these kinds alone."""

ONLY_WITH_EACH = ("expect_nodes", "gone")


def check_probes(checked: Checked, names: KnownNames) -> None:
    for name, probe in checked.settings.probes.items():
        _check_keys(checked, name, probe)
        _check_needs(checked, name, probe)
        _check_addresses(checked, name, probe)
        _check_each(checked, name, probe)
        _check_owner(checked, name, probe, names)
        _check_card(checked, name, probe)


def _check_keys(checked: Checked, name: str, probe: ProbeSettings) -> None:
    given = probe.model_fields_set
    for key, kinds in ONLY_FOR.items():
        if key in given and probe.kind not in kinds:
            checked.front.error(
                ("probes", name, key),
                f"{key} means nothing for a probe by {probe.kind}: it is for {_listed(kinds)}",
                at_key=True,
            )
    if not has_rows(probe):
        for key in ONLY_WITH_EACH:
            if key in given:
                text = f"{key} needs each: only an answer that names many nodes can leave one out"
                checked.front.error(("probes", name, key), text, at_key=True)


def _check_needs(checked: Checked, name: str, probe: ProbeSettings) -> None:
    if probe.kind in {"prometheus", "log"} and probe.up is None:
        example = "up: value > 0" if probe.kind == "prometheus" else "up: rate > 0/s"
        checked.front.error(
            ("probes", name), f"a probe by {probe.kind} must say what up means, like {example}", at_key=True
        )
    if probe.kind == "prometheus" and probe.query is None:
        checked.front.error(("probes", name), "a probe by prometheus needs query: the PromQL to ask", at_key=True)
    if probe.exec is not None and (probe.exec.service is None) == (probe.exec.container is None):
        text = "exec needs either service or container: in which container the command runs"
        checked.front.error(("probes", name, "exec"), text, at_key=True)
    if probe.log is not None:
        if (probe.log.process is None) == (probe.log.service is None):
            text = "log needs either process or service: whose lines are read"
            checked.front.error(("probes", name, "log"), text, at_key=True)
        if fault := texts.regex_fault(probe.log.match):
            path = ("probes", name, "log", "match")
            checked.front.error(path, f'probes.{name}.log.match: "{probe.log.match}" {fault}')


def _check_addresses(checked: Checked, name: str, probe: ProbeSettings) -> None:
    written = getattr(probe, probe.kind)
    if probe.kind not in {"http", "tcp", "redis", "postgres", "prometheus"}:
        return
    given = written if isinstance(written, tuple) else (written,)
    if not given:
        checked.front.error(("probes", name, probe.kind), f"probes.{name}.{probe.kind} is empty: name an address")
    found: list[ProbeAddress] = []
    for index, written_one in enumerate(given):
        path = ("probes", name, probe.kind, index) if isinstance(written, tuple) else ("probes", name, probe.kind)
        try:
            found += expand(written_one)
        except InvalidValue as error:
            checked.front.error(path, f"probes.{name}.{probe.kind}: {error}")
            continue
        text = found[-1].text
        fault = texts.host_port_fault(text) if probe.kind == "tcp" else texts.address_fault(text, probe.kind)
        if fault:
            checked.front.error(path, f'probes.{name}.{probe.kind}: "{text}" {fault}')
    if probe.any and len(found) == 1:
        hint = "any needs several addresses: a list, or {a,b,c} in quotes"
        checked.front.error(("probes", name, "any"), hint, at_key=True)


def _check_each(checked: Checked, name: str, probe: ProbeSettings) -> None:
    each = probe.each
    if each is None:
        return
    path = ("probes", name, "each")
    if each.startswith("lines:"):
        pattern = each.removeprefix("lines:").strip()
        if fault := texts.regex_fault(pattern):
            checked.front.error(path, f'each: "{pattern}" {fault}')
            return
        groups = texts.group_names(pattern)
        if not groups:
            checked.front.error(path, "each: lines needs a named group, like lines: /(?<name>\\S+) (?<role>\\S+)/")
        elif probe.id is not None and probe.id not in groups:
            checked.front.unknown(("probes", name, "id"), "group in the pattern of each", probe.id, groups)
    elif each.startswith("$"):
        if fault := texts.jsonpath_fault(each):
            checked.front.error(path, f'each: "{each}" {fault}')
    elif each != "csv":
        text = "write a JSONPath like $.members[*], or csv, or 'lines: /(?<name>…)/'"
        checked.front.error(path, f'each: "{each}" says nothing about how to find nodes: {text}')


def _check_owner(checked: Checked, name: str, probe: ProbeSettings, names: KnownNames) -> None:
    if probe.behind is not None and probe.behind not in names.processes and "${" not in probe.behind:
        checked.front.unknown(("probes", name, "behind"), "process", probe.behind, names.processes)
    if probe.behind is not None and probe.container is not None:
        text = "container and behind exclude each other: a node is either a container's or a process's"
        checked.front.error(("probes", name, "behind"), text, at_key=True)
    if probe.process is not None and probe.process not in names.processes:
        checked.front.unknown(("probes", name, "process"), "process", probe.process, names.processes)
    if probe.log is not None and probe.log.process is not None and probe.log.process not in names.processes:
        checked.front.unknown(("probes", name, "log", "process"), "process", probe.log.process, names.processes)


def _check_card(checked: Checked, name: str, probe: ProbeSettings) -> None:
    """Report fields on the card that the probe does not measure."""
    known = own_fields(probe)
    written = [(("probes", name, "main"), probe.main)] if probe.main is not None else []
    shown = [*written, *((("probes", name, "show", index), text) for index, text in enumerate(probe.show))]
    for path, text in shown:
        field = text.split(maxsplit=1)[0].partition(".")[0] if text.strip() else ""
        if known is not None and field not in (*known, *OF_NODES):
            checked.front.unknown(path, f"field of a probe by {probe.kind}", field, (*known, *OF_NODES))


def _listed(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
