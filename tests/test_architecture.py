"""The floors of the rooms: a module imports only from lower ones or its own package, and never inside a function."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import demo

ROOT = Path(demo.__file__).parent

FLOORS = {
    "__init__": 0,
    "errors": 0,
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


def test_the_rules_are_pure() -> None:
    """No clock, no loop, no I/O in the vocabulary and the rules."""
    impure = {"asyncio", "time", "os", "socket", "threading", "random", "sqlite3", "subprocess"}
    for path in [*(ROOT / "show").glob("*.py"), ROOT / "events.py", ROOT / "commands.py", ROOT / "types.py"]:
        assert not impure & set(imported(ast.parse(path.read_text()))), path.name
