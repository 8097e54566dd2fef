"""The floors of the rooms: a module imports only from lower ones or its own package, and never inside a function."""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import demo
from demo.show import stored

ROOT = Path(demo.__file__).parent

FLOORS = {
    "__init__": 0,
    "errors": 0,
    "clean": 0,
    "types": 1,
    "markup": 1,
    "user_code": 2,
    "sample": 1,
    "places": 1,
    "clock": 0,
    "findings": 1,
    "qr": 1,
    "voice": 1,
    "invitation": 2,
    "commands": 2,
    "events": 2,
    "show": 3,
    "engine": 3,
    "views": 4,
    "journal": 4,
    "hub": 4,
    "feed": 4,
    "chaos": 4,
    "health": 4,
    "subjects": 5,
    "conductor": 5,
    "runner": 6,
    "web": 6,
    "herald": 6,
    "mend": 6,
    "upkeep": 6,
    "play": 7,
    "relaying": 7,
    "shows": 7,
    "flags": 7,
    "doctor": 7,
    "cli": 8,
    "__main__": 9,
}

DATES = {
    "clock": "the one place where dates and moments meet",
    "doctor.clock": "looks whether the date is right",
    "feed.follower": "until a relay has heard of a show, its own date stands in for the show's moment",
    "journal.file": "when a journal was begun, for people",
    "journal.handover": "an entry in a journal whose show is not running",
    "journal.keeper": "how long ago a show was begun, for people",
    "shows": "how long ago a show was begun, for people",
    "web.audience": "a relay dates by its own machine",
    "web.desk": "when a paired device did something, for people",
    "web.sessions": "when a device was paired, for people and across restarts",
    "subjects.cluster.examine": "compares the engine's date with this machine's",
    "subjects.ratelimiter.algorithms": "reads Redis's date back as the moment it was told",
    "subjects.ratelimiter.supervisor": "when a system was brought up, for people",
}
"""The modules that may ask what the date is, each with its reason: it may be set at any time, so nothing is measured
by it. Whoever measures asks `demo.clock`, or the loop."""

ASK_THE_DATE = {"time.time", "time.time_ns", "time.localtime", "time.gmtime", "datetime.now", "datetime.today"}

FILES = sorted(path for path in ROOT.rglob("*.py"))

FUNCTION_MOST = 50
FILE_MOST = 400


def room(module: str) -> str:
    """`demo.web.app` lives in `web`; `demo` itself in `__init__`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "imports are absolute"
            if node.module == "demo":
                for alias in node.names:
                    yield f"demo.{alias.name}" if alias.name in FLOORS else "demo"
            else:
                yield node.module


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_a_module_imports_only_from_lower_floors(path: Path) -> None:
    here = room(module_of(path))
    assert here in FLOORS, f"{here} has no floor: give it one"
    tree = ast.parse(path.read_text())
    for name in imported(tree):
        if name.split(".")[0] != "demo" or room(name) == here:
            continue
        above = FLOORS[room(name)] >= FLOORS[here]
        assert not above, f"{module_of(path)} (floor {FLOORS[here]}) imports {name} (floor {FLOORS[room(name)]})"


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_no_import_of_ours_is_hidden_in_a_function(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            hidden = [name for name in imported(node) if name.split(".")[0] == "demo"]
            assert not hidden, f"{module_of(path)}.{node.name} hides {hidden}"


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_files_and_functions_stay_small_and_say_what_lives_there(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "every module opens with a docstring"
    assert text.count("\n") <= FILE_MOST
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < FUNCTION_MOST, f"{node.name} is too long"


SHAPES = {2: "1c3141335304"}
"""By the version of what is stored, a digest of its shape. Old ones need not stay."""


def test_what_a_snapshot_holds_has_the_version_of_its_shape() -> None:
    """A snapshot of another shape is not read, but its events are: a new shape wants a new number."""
    digest = hashlib.sha256(stored.shape().encode()).hexdigest()[:12]
    assert SHAPES.get(stored.VERSION) == digest, (
        f"the state's shape has changed: raise VERSION in demo/show/stored.py, and put {{VERSION: {digest!r}}} here"
    )


def test_the_rules_are_pure() -> None:
    """No clock, no loop, no I/O in the vocabulary and the rules."""
    impure = {"asyncio", "time", "os", "socket", "threading", "random", "sqlite3", "subprocess"}
    for path in [*(ROOT / "show").glob("*.py"), ROOT / "events.py", ROOT / "commands.py", ROOT / "types.py"]:
        assert not impure & set(imported(ast.parse(path.read_text()))), path.name


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


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_only_who_has_a_reason_asks_what_the_date_is(path: Path) -> None:
    module = module_of(path).removeprefix("demo.")
    asks = asks_the_date(ast.parse(path.read_text()))
    assert asks == (module in DATES), f"{module} {'measures by a clock that may be set' if asks else 'needs no reason'}"


@pytest.mark.parametrize("path", sorted((ROOT / "static").glob("*.js")), ids=ids)
def test_no_page_measures_by_the_date(path: Path) -> None:
    """`Date.now` only where the screen's own clock is shown, a step of it is looked for, or documents are compared."""
    allowed = {"clock.js": 5, "link.js": 4}
    assert path.read_text().count("Date.now()") <= allowed.get(path.name, 0)
