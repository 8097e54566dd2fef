"""When a region is rendered again, and that each declares what its macro reads: no more and no less."""

from dataclasses import dataclass
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined, UndefinedError, nodes

from demo.web.rendering.page_texts import EXTENSION
from demo.web.rendering.regions import REGIONS, CachedRegion
from demo.web.rendering.renderer import TEMPLATES


@dataclass
class Counted:
    """A macro that says how often it was asked."""

    drawn: int = 0

    def __call__(self, view: Any) -> str:
        self.drawn += 1
        return f"{view.title} of {view.total}"


@dataclass(frozen=True)
class Model:
    title: str = "t"
    total: int = 3
    said: str = ""


def test_a_region_is_rendered_again_only_when_something_changed_that_it_reads() -> None:
    macro = Counted()
    region = CachedRegion("r", macro, ("title", "total"))
    assert [region.render(model).html for model in (Model(), Model(said="other"), Model())] == ["t of 3"] * 3
    assert macro.drawn == 1
    assert region.render(Model(total=4)).html == "t of 4"
    assert region.render(Model("u", 4, "other")).html == "u of 4"
    assert macro.drawn == 3


def test_a_macro_cannot_read_what_its_region_does_not_declare() -> None:
    template = Environment(undefined=StrictUndefined).from_string(
        "{% macro r(view) %}{% if view.said %}x{% endif %}{% endmacro %}"
    )
    region = CachedRegion("r", template.module.r, ("title",))  # type: ignore[attr-defined]
    with pytest.raises(UndefinedError, match="said"):
        region.render(Model())


Macros = dict[str, nodes.Macro]


def macros_of(environment: Environment, name: str) -> Macros:
    """The macros of a template, and those that it imports, by the names they have in it."""
    loader = environment.loader
    assert loader is not None
    tree = environment.parse(loader.get_source(environment, name)[0])
    found = {macro.name: macro for macro in tree.find_all(nodes.Macro)}
    for imported in tree.find_all(nodes.FromImport):
        assert isinstance(imported.template, nodes.Const)
        others = macros_of(environment, imported.template.value)
        for pair in imported.names:
            there, here = (pair, pair) if isinstance(pair, str) else pair
            found.setdefault(here, others[there])
    return found


def read_by(macro: nodes.Macro, parameter: str, macros: Macros) -> set[str]:
    """The attributes that a macro reads of one parameter, by way of the macros it passes that on to as well."""
    read = {
        part.attr
        for part in macro.find_all(nodes.Getattr)
        if isinstance(part.node, nodes.Name) and part.node.name == parameter
    }
    for call in macro.find_all(nodes.Call):
        called = macros.get(call.node.name) if isinstance(call.node, nodes.Name) else None
        for place, argument in enumerate(call.args if called is not None else ()):
            if called is not None and isinstance(argument, nodes.Name) and argument.name == parameter:
                read |= read_by(called, called.args[place].name, macros)
    return read


@pytest.mark.parametrize("view", REGIONS)
def test_each_region_declares_what_its_macro_reads(view: str) -> None:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), extensions=[EXTENSION])
    marks = macros_of(environment, "_marks.html")
    macros = macros_of(environment, f"{view}_regions.html")
    for name, reads in REGIONS[view].items():
        assert set(reads) == read_by(macros[name], macros[name].args[0].name, marks | macros), name
