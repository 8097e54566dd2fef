"""Checks of the system: processes, ports, proxies, loads, panels, the picture of the system, files."""

from pathlib import Path

from demo.errors import InvalidValue
from demo.proxy.route import ProxyRoute
from demo.showfile.checks import texts
from demo.showfile.checks.compose import check_compose
from demo.showfile.checks.known_names import KnownNames
from demo.showfile.checks.places import Checked
from demo.showfile.schema.system import LoadSettings
from demo.showfile.schema_paths import Path as DataPath
from demo.showfile.schema_paths import value_at

LOAD_KINDS = ("http", "postgres", "redis")


def check_system(checked: Checked, names: KnownNames) -> None:
    _check_files(checked)
    _check_ports(checked)
    _check_proxies(checked)
    _check_load(checked)
    _check_groups(checked, names)
    _check_links(checked, names)
    check_compose(checked)


def _check_files(checked: Checked) -> None:
    settings = checked.settings
    if settings.system is not None and settings.system.compose is not None:
        _check_exists(checked, ("system", "compose"), settings.system.compose)
    if settings.system is not None and settings.system.attach is not None and settings.system.project is not None:
        checked.front.error(("system", "project"), "attach names the project already: leave project out", at_key=True)
    for name, process in settings.processes.items():
        if process.cwd is not None:
            _check_exists(checked, ("processes", name, "cwd"), process.cwd, is_folder=True)


def _check_exists(checked: Checked, path: DataPath, written: str, *, is_folder: bool = False) -> None:
    folder = checked.source.folder
    if folder is None:
        return
    found = folder / Path(written).expanduser()
    if not (found.is_dir() if is_folder else found.is_file()):
        kind = "folder" if is_folder else "file"
        checked.front.error(path, f"there is no {kind} {written}: paths begin at the folder of the show file")


def _check_ports(checked: Checked) -> None:
    """Report ports that two of the show's own listen on, and that of a proxy beside the one it leads to."""
    taken: dict[int, str] = {}
    wanted: list[tuple[DataPath, int, str]] = [
        (("processes", name, "port"), process.port, f"the process {name}")
        for name, process in checked.settings.processes.items()
        if process.port is not None
    ]
    wanted += [
        (("proxies", name, "listen"), port, f"the proxy {name}")
        for name, proxy in checked.settings.proxies.items()
        if (port := texts.port_of(proxy.listen)) is not None
    ]
    for path, port, owner in wanted:
        if port in taken:
            checked.front.error(path, f"port {port} is used twice: by {taken[port]} and by {owner}")
        taken.setdefault(port, owner)


def _check_proxies(checked: Checked) -> None:
    """Warn of a proxy that other machines can reach."""
    for name, proxy in checked.settings.proxies.items():
        try:
            exposure = ProxyRoute.read(name, proxy.listen, proxy.to).exposure
        except InvalidValue as error:
            checked.front.error(("proxies", name), str(error), at_key=True)
        else:
            if exposure:
                checked.front.warning(("proxies", name, "listen"), exposure)


def _check_load(checked: Checked) -> None:
    for name, load in checked.settings.load.items():
        for kind in LOAD_KINDS:
            written = getattr(load, kind)
            if written is not None and (fault := texts.address_fault(written, kind)):
                checked.front.error(("load", name, kind), f'load.{name}.{kind}: "{written}" {fault}')
        _check_http(checked, name, load)
        if load.read is not None and load.http is not None and (fault := texts.address_fault(load.read, "http")):
            checked.front.error(("load", name, "read"), f'load.{name}.read: "{load.read}" {fault}')
        first = next(other for other, one in checked.settings.load.items() if one.read == load.read)
        if load.read is not None and first != name:
            text = f"{first} reads its numbers there too: two books cannot share one place"
            checked.front.error(("load", name, "read"), text)
        if load.read is not None and ("${from}" in load.read) != ("${to}" in load.read):
            text = "read asks for a part of the numbers by ${from} and ${to}: one of them is missing"
            checked.front.error(("load", name, "read"), text)


def _check_http(checked: Checked, name: str, load: LoadSettings) -> None:
    """Report what only a load by http has, and what it has only with a book."""
    reason = {
        "read": "read is for http: postgres and redis are read from where they write",
        "method": "method is for http",
        "body": "body is for http",
        "headers": "headers are for http",
    }
    for key, text in reason.items():
        if not getattr(load, key):
            continue
        if load.http is None:
            checked.front.error(("load", name, key), text, at_key=True)
        elif not load.book and key != "headers":
            checked.front.warning(("load", name, key), f"{key} is used with book: true alone", at_key=True)


def _check_groups(checked: Checked, names: KnownNames) -> None:
    for group, members in checked.settings.groups.items():
        if not members:
            checked.front.error(("groups", group), f"the group {group} is empty: name its members", at_key=True)
        for index, member in enumerate(members):
            known = (*names.probes, *names.nodes)
            if member in names.groups:
                checked.front.error(
                    ("groups", group, index), f"{member} is a group: groups hold probes and nodes alone"
                )
            elif member not in known and not names.has_more:
                checked.front.unknown(("groups", group, index), "probe or node", member, known)
            elif member in members[:index]:
                checked.front.warning(("groups", group, index), f"{member} is in the group {group} already")


def _check_links(checked: Checked, names: KnownNames) -> None:
    is_list = isinstance(value_at(checked.front.yaml.data, ("links",)), list)
    for index, link in enumerate(checked.settings.links):
        path: DataPath = ("links", index) if is_list else ("links",)
        chain, _, flow = link.partition(":")
        nodes = [node.strip() for node in chain.split("->")]
        if len(nodes) < 2 or not all(nodes):
            checked.front.error(path, f'"{link}" is not a valid link: write it like client -> api -> db')
            continue
        for node in nodes:
            if node not in names.nodelike and not names.has_more:
                checked.front.unknown(path, "node", node, names.nodelike, offset=max(link.find(node), 0))
        if flow.strip() and not _is_flow(flow.strip(), names):
            text = f'"{flow.strip()}" is not a valid flow: name a number of a load or probe, like client.rate'
            checked.front.error_in(path, link.index(":") + 1, text)


def _is_flow(flow: str, names: KnownNames) -> bool:
    owner, separator, field = flow.partition(".")
    return bool(separator and field) and (owner in names.loads or owner in names.probes or names.has_more)
