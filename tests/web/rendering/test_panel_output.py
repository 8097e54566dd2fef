"""Output as HTML: escaped, in classes, on one line, and in letters that fit."""

import pytest

from demo.panels.picture import PanelPicture, StyledText
from demo.web.rendering.panel_output import output_rows, output_size


def test_output_is_escaped_and_its_looks_are_classes() -> None:
    rows = ((StyledText('<b a="x">&'), StyledText("<i>", ("red", "fill"))), ())
    assert output_rows(rows) == (
        '<i>&lt;b a=&#34;x&#34;&gt;&amp;<span class="o-red o-fill">&lt;i&gt;</span></i><i></i>'
    )


@pytest.mark.parametrize(
    ("lines", "width", "expected"),
    [
        (1, 1, "wide-40 high-6"),
        (20, 80, "wide-80 high-20"),
        (21, 81, "wide-100 high-25"),
        (60, 999, "wide-160 high-60"),
    ],
)
def test_letters_are_chosen_by_the_widest_line_and_the_number_of_lines(lines: int, width: int, expected: str) -> None:
    assert output_size(PanelPicture("p", "p", lines=lines, width=width)) == expected
