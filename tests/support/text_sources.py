"""Where the texts of the pages stand: in templates, in Python code, and in the pages' scripts."""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, nodes

import demo
from demo.texts.catalogue import CONTEXT_END
from demo.web.rendering.assets import SCRIPTS
from demo.web.rendering.page_texts import EXTENSION

ROOT = Path(demo.__file__).parent
TEMPLATES = ROOT / "templates"
CALLS = {"translate", "mark_text"}


@dataclass
class Used:
    """The texts that are used, with where: plain ones (with their context), and those that count by their plural."""

    texts: dict[str, str] = field(default_factory=dict)
    counted: dict[str, str] = field(default_factory=dict)


def environment() -> Environment:
    return Environment(loader=FileSystemLoader(TEMPLATES), extensions=[EXTENSION], autoescape=True)


def trees() -> Mapping[str, nodes.Template]:
    found = environment()
    return {path.name: found.parse(path.read_text()) for path in sorted(TEMPLATES.glob("*.html"))}


def used_texts() -> Used:
    """Return every text that is written out in a template, or in Python for a page."""
    used = Used()
    for name, tree in trees().items():
        for call in tree.find_all(nodes.Call):
            _note_call(used, name, call)
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                _note_python(used, path.name, node, node.func.id)
    return used


def _note_call(used: Used, place: str, call: nodes.Call) -> None:
    called = call.node.name if isinstance(call.node, nodes.Name) else ""
    said = [argument.value for argument in call.args if isinstance(argument, nodes.Const)]
    if called in ("_", "gettext") and said:
        used.texts[said[0]] = place
    elif called == "pgettext":
        used.texts[CONTEXT_END.join(said[:2])] = place
    elif called == "ngettext":
        used.counted[said[1]] = place


def _note_python(used: Used, place: str, call: ast.Call, called: str) -> None:
    said = [str(argument.value) for argument in call.args if isinstance(argument, ast.Constant)]
    if called in CALLS and place != "translation.py":
        assert said, f"{place}:{call.lineno}: {called} needs the text itself"
        used.texts[said[0]] = place
    elif called == "translate_count":
        used.counted[said[1]] = place


SCRIPT_TEXT = re.compile(r"(?:\bdemo\.|\b)(?:text|say)\('((?:[^'\\]|\\.)*)'")


def script_texts_of(page: str) -> set[str]:
    """Return the texts that the scripts of a page say."""
    template = (TEMPLATES / f"{page}.html").read_text()
    scripts = [*SCRIPTS.get(f"{page}-page.js", ()), *re.findall(r"asset\('(\w+\.js)'\)", template)]
    return {found for name in scripts for found in SCRIPT_TEXT.findall((ROOT / "static" / name).read_text())}
