"""What a panel shows at one moment, and where the screens of a show get it from. Plain data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

MAX_PANELS = 5
"""How many panels a chapter can show at once."""

PanelState = Literal["up", "starting", "down", "offline"]
"""`starting`: nothing is known yet; `offline`: it has ended as it should; `down`: it has failed."""

Word = Literal[
    "red", "green", "yellow", "blue", "magenta", "cyan", "grey", "fill", "bold", "italic", "underline", "strike"
]
"""How a piece of text looks. `fill`: the colour is that of the ground, and the text is legible on it."""


@dataclass(frozen=True, slots=True)
class StyledText:
    """Text of one look, printable characters only."""

    text: str
    words: tuple[Word, ...] = ()


PanelRow = tuple[StyledText, ...]


@dataclass(frozen=True, slots=True)
class PanelPicture:
    """One panel: `rows` from top to bottom, `lines` at most, and a `note` on how its program fares.

    `width`: the cells of the longest row since the panel was last cleared, for the size of the letters. `changed_at`:
    the moment of the newest output, None before the first.
    """

    name: str
    title: str
    rows: tuple[PanelRow, ...] = ()
    state: PanelState = "starting"
    note: str = ""
    lines: int = 20
    width: int = 0
    changed_at: float | None = None

    @property
    def text(self) -> str:
        """The rows as plain lines."""
        return "\n".join("".join(span.text for span in row) for row in self.rows)


class Panels(Protocol):
    """The panels of a show. All methods are for the event loop's thread."""

    @property
    def version(self) -> int:
        """A number that grows whenever a picture changes."""

    def picture(self, name: str) -> PanelPicture | None:
        """Return the newest picture of a panel; None for a name that is not known."""

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` whenever a picture has changed; return a function that ends this."""


class NoPanels:
    """The panels of a show that has none."""

    version = 0

    def picture(self, name: str) -> PanelPicture | None:
        return None

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        return lambda: None


@runtime_checkable
class ShowsPanels(Protocol):
    """A subject whose chapters name panels."""

    @property
    def panels(self) -> Panels: ...
