"""Columns of a chapter's text: `<!-- column_layout: [2, 1] -->`, `<!-- column: 0 -->`, `<!-- reset_layout -->`."""

from demo.errors import InvalidValue
from demo.showfile.markdown.directives import Directive


class ColumnOrder:
    """Checks that comments about columns come in an order that makes sense."""

    def __init__(self) -> None:
        self.widths: tuple[int, ...] = ()

    def take(self, directive: Directive) -> None:
        """Take the next one of a chapter. Raises `InvalidValue` if it cannot stand here."""
        if directive.name == "column_layout":
            self.widths = directive.numbers
        elif directive.name == "reset_layout":
            self.widths = ()
        elif directive.name == "column":
            if not self.widths:
                raise InvalidValue(
                    "there are no columns here: write <!-- column_layout: [2, 1] --> before the first one"
                )
            if directive.numbers[0] >= len(self.widths):
                count = len(self.widths)
                raise InvalidValue(
                    f"there is no column {directive.numbers[0]}: the layout has {count}, from 0 to {count - 1}"
                )
