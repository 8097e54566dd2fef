"""How the package is built: floors without circles, small files, and few that ask for the date. One parse for all."""

import ast
import graphlib
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import demo
from demo.show import stored

ROOT = Path(demo.__file__).parent

FLOORS = (
    ("demo", "clean", "clock", "errors", "hub", "paths", "subjects.tikv.proto", "texts", "threads"),
    ("ballots.counting", "ballots.vote", "ballots.voters", "narration"),
    ("conditions", "console_output", "container_engine", "findings", "markup", "relay.feed", "timeouts", "types"),
    ("probes",),
    ("invitation", "panels", "processes", "show", "text_fit"),
    ("ballots", "compose", "faults", "journal", "load", "proxy", "questions", "startup_report", "subjects", "views"),
    ("journal.library", "subjects.cluster", "subjects.ratelimiter"),
    ("watchdog",),
    ("showfile", "subjects.etcd", "subjects.tikv"),
    ("chaos_toolkit", "conductor", "notify", "web.rendering", "web.responses"),
    ("terminal", "web.asgi_extensions", "web.problems", "web.security_headers"),
    ("runner", "web.server"),
    ("web.access",),
    ("web.streaming",),
    ("web.routes",),
    ("web",),
    ("doctor", "evidence", "relay"),
    ("bootstrap",),
    ("cli",),
    ("__main__",),
)
"""The rooms, from the lowest floor up. A module belongs to the longest name here that it begins with; it imports from
its own room and from lower floors."""

ALIASES = {"chaos", "chaos.docker", "chaos.victim", "engine", "health", "health.pulse"} | {
    f"subjects.cluster.{name}" for name in ("client", "containers", "examine")
}
"""Names that were published before: each only imports what it names. Nothing of ours imports them."""

LATER = {
    "__main__": "the command line, once the standard streams are safe",
    "bootstrap": "the terminal",
    "cli.main": "what the command runs",
    "cli.experiment_commands": "what its commands run",
    "cli.replays": "what the command runs",
    "cli.server_options": "the Redis of relays",
    "cli.reports": "what its command runs",
    "evidence.served_report": "what makes a report",
    "cli.rehearsal_command": "what its command runs",
    "subjects.registry": "the register of installed distributions",
    "notify.notifying": "the HTTP client, for a show that tells anybody",
    "web.routes.openapi": "the models of answers",
}
"""The modules that import something of ours in a function, to start sooner without it."""

DATES = {
    "clock": "the one place where dates and moments meet",
    "doctor.clock": "looks whether the date is right",
    "relay.feed.subscriber": "until a relay has heard of a show, its own date stands in for the show's moment",
    "journal.sqlite_file": "when a journal was begun, for people",
    "journal.library.undo_transfer": "an entry in a journal whose show is not running",
    "journal.library.open_show": "how long ago a show was begun, for people",
    "showfile.log_events.show_events": "since when the container engine is asked for lines, which it dates",
    "watchdog.heal_other_shows": "compared with the date of a file, of a show that is not running",
    "cli.shows": "how long ago a show was begun, for people",
    "relay.app": "a relay dates by its own machine",
    "web.routes.command_handler": "when a paired device did something, for people",
    "web.access.sessions": "when a device was paired, for people and across restarts",
    "subjects.cluster.doctor": "compares the engine's date with this machine's",
    "subjects.ratelimiter.algorithms": "reads Redis's date back as the moment it was told",
    "subjects.ratelimiter.supervisor": "when a system was brought up, for people",
}
"""The modules that may ask what the date is, each with its reason: it may be set at any time, so nothing is measured
by it. Whoever measures asks `demo.clock`, or the loop."""

BANNED = frozenset(
    [
        "desk",
        "door",
        "errand",
        "grounds",
        "hall",
        "helm",
        "herald",
        "keeper",
        "kept",
        "lane",
        "lanes",
        "leash",
        "mend",
        "minder",
        "outlet",
        "roster",
        "seat",
        "seats",
        "vigil",
        "victim",
        "voice",
        "wire",
        "witness",
    ]
)
"""Words that the project once had for things which have a standard term. docs/glossary.md has the terms."""

ASK_THE_DATE = {"time.time", "time.time_ns", "time.localtime", "time.gmtime", "datetime.now", "datetime.today"}

NAMED = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

MAX_FUNCTION_LINES = 50
MAX_FILE_LINES = 400
MAX_TOP_MODULES = 12

SHAPES = {11: "ecdbc0eb8871"}
"""By the version of what is stored, a digest of its shape. Old ones need not stay."""


@dataclass(frozen=True)
class Module:
    """`name`: without `demo.`; "demo" for the package itself."""

    name: str
    text: str
    tree: ast.Module


@cache
def modules() -> Mapping[str, Module]:
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "demo"
        text = path.read_text()
        found[name] = Module(name, text, ast.parse(text))
    return found


def room(name: str) -> tuple[int, str]:
    """Its floor and its name."""
    known = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        if (found := ".".join(parts[:length])) in known:
            return known[found], found
    raise AssertionError(f"{name} has no floor: give it one")


def imported(tree: ast.AST) -> Iterator[str]:
    """Modules of ours by their name without `demo.`, others by their whole name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}".removeprefix("demo.")
                yield inner if inner in modules() else node.module.removeprefix("demo.")


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_a_module_imports_only_from_its_room_and_lower_floors_and_no_circle_leads_back() -> None:
    graph: dict[str, set[str]] = {}
    for module in modules().values():
        if module.name in ALIASES:
            continue
        floor, here = room(module.name)
        for name in imported(module.tree):
            if name not in modules() or name == module.name:
                continue
            assert name not in ALIASES, f"{module.name} imports {name}, a name for subjects of before"
            other_floor, other = room(name)
            assert other == here or other_floor < floor, f"{module.name} (of {here}) imports {name} (of {other})"
            graph.setdefault(module.name, set()).add(name)
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_files_and_functions_stay_small_say_what_lives_there_and_import_at_their_top() -> None:
    for module in modules().values():
        assert ast.get_docstring(module.tree), f"{module.name}: every module opens with a docstring"
        assert module.text.count("\n") <= MAX_FILE_LINES, module.name
        for node in functions(module.tree):
            assert (node.end_lineno or 0) - node.lineno < MAX_FUNCTION_LINES, f"{module.name}.{node.name} is too long"
            hidden = [name for name in imported(node) if name in modules()]
            assert not hidden or module.name in LATER, f"{module.name}.{node.name} hides {hidden}"
    top = [path.name for path in ROOT.glob("*.py") if not path.name.startswith("__")]
    assert len(top) <= MAX_TOP_MODULES, top


def test_the_rules_are_pure_and_only_who_has_a_reason_asks_what_the_date_is() -> None:
    """No clock, no loop, no I/O in the vocabulary and the rules. No page measures by the date either."""
    impure = {"asyncio", "time", "os", "socket", "threading", "random", "sqlite3", "subprocess"}
    for module in modules().values():
        if module.name.split(".")[0] in ("types", "show"):
            assert not impure & set(imported(module.tree)), module.name
        said = "measures by a clock that may be set" if asks_the_date(module.tree) else "needs no reason"
        assert asks_the_date(module.tree) == (module.name in DATES), f"{module.name} {said}"
    # `Date.now` only where the screen's own clock is shown, a step of it is looked for, or documents are compared.
    allowed = {"clock.js": 5, "link.js": 4}
    for path in (ROOT / "static").glob("*.js"):
        assert path.read_text().count("Date.now()") <= allowed.get(path.name, 0), path.name


def asks_the_date(tree: ast.AST) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
            if f"{owner}.{node.attr}" in ASK_THE_DATE:
                return True
        named = {f"time.{a.name}" for a in node.names} if isinstance(node, ast.ImportFrom) else set()
        if isinstance(node, ast.ImportFrom) and node.module == "time" and named & ASK_THE_DATE:
            return True
    return False


def test_the_description_of_the_architecture_is_that_of_the_code() -> None:
    text = (ROOT.parent / "docs" / "architecture.md").read_text()
    drawn = text.split("```")[1]
    rooms = [name for line in drawn.strip().split("\n") for name in re.split(r" · ", line.split("  ")[0]) if name]
    assert rooms == [name for floor in reversed(FLOORS) for name in floor_as_drawn(floor, rooms)]
    for path in re.findall(r"`(demo/[\w/.]+)`", text):
        assert (ROOT.parent / path).exists(), f"docs/architecture.md names {path}, which does not exist"


def floor_as_drawn(floor: tuple[str, ...], rooms: list[str]) -> list[str]:
    """Return its rooms in the order of the drawing."""
    return sorted(floor, key=lambda name: rooms.index(name) if name in rooms else -1)


def test_no_module_class_or_public_function_is_named_in_a_private_language() -> None:
    for module in modules().values():
        if module.name in ALIASES:
            continue
        named = [module.name, *(node.name for node in ast.walk(module.tree) if isinstance(node, NAMED))]
        for name in named:
            words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)}
            assert name.startswith("_") or not words & BANNED, f"{name} in {module.name}"


def test_a_public_class_has_a_name_of_its_own() -> None:
    """A command and the event it leads to may share one; so may a part of the state and the model of its answer."""
    homes: dict[str, list[str]] = {}
    for module in modules().values():
        if module.name in ("show.commands", "web.routes.response_models") or "proto" in module.name:
            continue
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(module.name)
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def test_what_a_snapshot_holds_has_the_version_of_its_shape() -> None:
    """A snapshot of another shape is not read, but its events are: a new shape wants a new number."""
    digest = hashlib.sha256(stored.shape().encode()).hexdigest()[:12]
    assert SHAPES.get(stored.VERSION) == digest, (
        f"the state's shape has changed: raise VERSION in demo/show/stored.py, and put {{VERSION: {digest!r}}} here"
    )
