"""Whatever a deck's text holds, it is measured, quickly and without an error."""

from hypothesis import given, settings
from hypothesis import strategies as st

from demo.narration.page_style import PageStyle
from demo.text_fit.deck import find_overflows
from demo.types import Chapter

PIECES = st.sampled_from(
    [
        "# ", "- ", "1. ", "> ", "|a|b|\n|-|-|\n|", "|", "```\n", "    ", "\t", "**", "`", "~~", "\n", "\n\n", "  \n",
        "---\n",
        "<!-- column_layout: [1, 2] -->\n", "<!-- column: 0 -->\n", "<!-- column: 1 -->\n", "<!-- reset_layout -->\n",
        "[a](http://x)", "![i](images/0123456789abcdef0123456789abcdef-10x20.png)", "<b>", "&amp;", "[red]", "[/red]",
        "word ", "漢字", "\u202e", "\u0301", "😀", "x" * 300, "\x00", "${a}",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=8), max_size=30).map("".join)
LAYOUTS = st.sampled_from(["", "focus", "system", "split", "center", "image", "end", "cover"])


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS, TEXTS, LAYOUTS, st.booleans())
def test_any_text_is_measured(title: str, text: str, hypothesis: str, layout: str, has_system: bool) -> None:
    chapter = Chapter(title, text, hypothesis=hypothesis, injects=("kill",), style=PageStyle(layout=layout))
    found = find_overflows([chapter, chapter], has_system=has_system, verdicts={1: text})
    for overflow in found:
        assert overflow.too_long > 0 or overflow.too_wide > 0
        assert "\n" not in overflow.text
