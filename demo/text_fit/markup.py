"""A text's HTML as a tree, to measure it: what `demo.markup.to_html` writes is the only HTML that is read here."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from demo.markup import to_html

_EMPTY = frozenset({"br", "img", "hr"})


@dataclass(slots=True)
class Element:
    """An element with its classes and, for an image, its size in px."""

    tag: str
    classes: frozenset[str] = frozenset()
    size: tuple[float, float] = (0.0, 0.0)
    children: "list[Element | str]" = field(default_factory=list)

    def elements(self) -> "Iterator[Element]":
        return (child for child in self.children if isinstance(child, Element))

    def find(self, tag: str) -> "Iterator[Element]":
        """Yield all elements of this name inside, in their order."""
        for child in self.elements():
            if child.tag == tag:
                yield child
            yield from child.find(tag)

    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text() for child in self.children)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("div")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        size = (float(given.get("width", 0)), float(given.get("height", 0))) if tag == "img" else (0.0, 0.0)
        element = Element(tag, frozenset(given.get("class", "").split()), size)
        self._open[-1].children.append(element)
        if tag not in _EMPTY:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _EMPTY and len(self._open) > 1:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def read_markup(text: str, written_in: str) -> Element:
    """Return the text as the tree of its HTML."""
    reader = _Reader()
    reader.feed(to_html(text, written_in))
    reader.close()
    return reader.root
