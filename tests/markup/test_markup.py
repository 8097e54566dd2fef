"""Narration text: Rich markup and Markdown to safe HTML, to the terminal and to plain words."""

import io
import re
from functools import partial
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from demo.markup import hint_to_rich, is_rich, to_html, to_plain, to_rich
from tests.support.call_counts import calls

BARE = "br strong em s u hr thead tbody tr"
RUNNING = "p pre ul li blockquote h3 h4 h5 h6 table"
"""Their text takes its direction from its own first letter."""
ALLOWED: dict[str, set[str]] = {
    **{tag: set() for tag in BARE.split()},
    **{tag: {"dir"} for tag in RUNNING.split()},
    "a": {"href", "target", "rel"},
    "code": {"class"},
    "span": {"class"},
    "th": {"class", "dir"},
    "td": {"class", "dir"},
    "ol": {"start", "dir"},
    "pre": {"class", "dir"},
    "div": {"class"},
    "img": {"class", "src", "data-image", "alt", "title", "width", "height"},
}

SPICE = [
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "[a](javascript:alert(1))",
    "[a](https://x.example/?q=1&r=<2>)",
    "[link=javascript:alert(1)]x[/link]",
    '[link=https://x.example/"onclick=alert(1)]x[/link]',
    "[@click=quit]x[/]",
    "[bold]",
    "[/bold]",
    "[/]",
    "[dim]a[/dim]",
    "[red on white]a[/]",
    "**b**",
    "```\ncode\n```",
    "|a|b|\n|:-|-:|\n|1|2|",
    "\\[bold]",
    ":smile:",
    "&lt;script&gt;",
    "\x1b[31m",
    "\r\n\r\n",
    "\ud800",
    "![a](images/0123456789abcdef0123456789abcdef-640x480.png)",
    '![<b>](images/0123456789abcdef0123456789abcdef-640x480.png "<b onclick=x>")',
    '![a](images/0123456789abcdef0123456789abcdef-640x480.png?x="onerror=alert(1))',
    '\n```<b>" {1}\n<i>\n```\n',
    "\n```html {1|2}\n<i onclick='x'>\n```\n",
    "\n<!-- column_layout: [2, 1] -->\n",
    "\n<!-- column: 0 -->\n",
    "\n<!-- column: 1 -->\n",
    "\n<!-- reset_layout -->\n",
]
TEXTS = st.lists(st.one_of(st.sampled_from(SPICE), st.text(max_size=12))).map("".join)


EMPTY_IMAGE = r"data:image/svg\+xml,%3Csvg xmlns='http://www\.w3\.org/2000/svg' width='\d+' height='\d+'/%3E"


class Checker(HTMLParser):
    """Collects what is not on the list of harmless elements and attributes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.bad: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ALLOWED:
            self.bad.append(tag)
        for name, value in attrs:
            if name not in ALLOWED.get(tag, set()):
                self.bad.append(f"{tag} {name}")
            if name == "data-image" and not re.fullmatch(r"images/[0-9a-f]{32}-\d+x\d+\.\w+", value or ""):
                self.bad.append(f"{tag} {name}={value}")
            if name == "src" and not re.fullmatch(EMPTY_IMAGE, value or ""):
                self.bad.append(f"{tag} {name}={value}")
            if name == "href" and not re.match(r"(https?://|mailto:)", value or "", re.IGNORECASE):
                self.bad.append(f"{tag} {name}={value}")

    def handle_comment(self, data: str) -> None:
        self.bad.append("comment")

    def handle_decl(self, decl: str) -> None:
        self.bad.append("declaration")


def unsafe(html: str) -> list[str]:
    checker = Checker()
    checker.feed(html)
    checker.close()
    return checker.bad


class Words(HTMLParser):
    """The text that a page shows, in one line."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.shown: list[str] = []

    def handle_data(self, data: str) -> None:
        self.shown.append(data)


def on_page(text: str, written_in: str = "auto") -> str:
    words = Words()
    words.feed(to_html(text, written_in))
    words.close()
    return " ".join("".join(words.shown).split())


def in_terminal(text: str, written_in: str = "auto", width: int = 500) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=width)
    console.print(to_rich(text, written_in))
    return " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "rich"),
    [
        ("[bold]a[/bold]", True),
        ("a [dim]b[/]", True),
        ("[bright_red on black]a[/]", True),
        ("    [bold]all of it[/bold]\n    is indented", True),
        ("[bright_red on black]a", False),
        ("[bold]a[/bold] and `acks[i]`", False),
        ("- [bold]a[/bold]", False),
        ("[acks]a[/acks]", False),
        ("Press [b]", False),
        ("**a** and `b`", False),
        ("[bold](https://x.example)", False),
        ("arr[0] and [x]", False),
        (r"\[bold] as it is typed", False),
    ],
)
def test_a_closed_rich_tag_without_markdown_makes_a_text_rich_markup_and_everything_else_is_markdown(
    text: str, rich: bool
) -> None:
    assert is_rich(text) is rich


def test_rich_styles_become_elements_and_classes() -> None:
    html = to_html("[bold]a[/bold] [italic red]b[/] [dim]c[/dim] [green]d[/] [yellow]e[/] [cyan]f[/] [#ff0000]g[/]")
    assert html == (
        '<p dir="auto"><strong>a</strong> <em><span class="down">b</span></em> <span class="soft">c</span> '
        '<span class="up">d</span> <span class="degraded">e</span> <span class="accent">f</span> g</p>'
    )


def test_styles_that_overlap_never_make_crossed_elements() -> None:
    assert to_html("[bold]a[italic]b[/bold]c[/italic]") == (
        '<p dir="auto"><strong>a</strong><strong><em>b</em></strong><em>c</em></p>'
    )


def test_a_blank_line_parts_paragraphs_in_rich_markup_too() -> None:
    assert to_html("[bold]a[/]\nb\n\nc") == '<p dir="auto"><strong>a</strong><br>b</p><p dir="auto">c</p>'


@pytest.mark.parametrize("text", ["[bold]a[/dim]", "a[/]", "[/bold] <b>"])
def test_broken_rich_markup_is_shown_as_it_was_typed(text: str) -> None:
    assert to_plain(text) == text
    assert "<b>" not in to_html(text)


def test_markdown_becomes_html_below_the_pages_own_headings() -> None:
    html = to_html("# A\n\n- *b*\n- ~~c~~\n\n|d|e|\n|-|-:|\n|1|2|")
    assert '<h3 dir="auto">A</h3>' in html
    assert '<li dir="auto"><em>b</em></li>' in html
    assert '<li dir="auto"><s>c</s></li>' in html
    assert '<td dir="auto" class="right">2</td>' in html


def test_raw_html_images_and_other_schemes_do_not_pass() -> None:
    html = to_html("<script>x</script> <b onclick=y>z</b> ![i](https://x.example/i.png) [j](javascript:k)")
    assert unsafe(html) == []
    assert "&lt;script&gt;" in html
    assert "<img" not in html


def test_links_open_elsewhere_and_tell_nobody_where_they_came_from() -> None:
    expected = '<a href="https://x.example/?a=1&amp;b" target="_blank" rel="noopener noreferrer">x</a>'
    assert to_html("[x](https://x.example/?a=1&b)") == f'<p dir="auto">{expected}</p>'
    assert to_html("[link=https://x.example/?a=1&b]x[/link]") == f'<p dir="auto">{expected}</p>'


@given(TEXTS)
def test_whatever_the_text_its_html_is_harmless(text: str) -> None:
    html = to_html(text)
    assert unsafe(html) == []
    html.encode()


@given(TEXTS)
def test_whatever_the_text_the_terminal_shows_it_and_is_not_steered(text: str) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=80)
    console.print(to_rich(text))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b[31m" not in shown
    assert "\r" not in shown


SHOWN_AS_TYPED = [
    "ماذا لو سقطت node-1؟ [b] نقيس: 1.5",
    "מה אם node-1 נופל? [red]",
    "Press [b] or [x]",
    "a log with [red] in it",
    "`acks[i]` and [b]",
    "[INFO] started [/var/log]",
    "user:id:42 :smile: :warning:",
    "handlers[i]()",
    "[red]: fire",
    "[@click=quit]x[/@click]",
    "[unknown]x[/unknown]",
    "[link=javascript:alert(1)]x[/link]",
    "<b>bold</b> &nosuch; a < b",
    "|a|b|\n|-|-|\n|1|2|too many|",
    "> " * 40 + "deep",
]


@pytest.mark.parametrize("text", SHOWN_AS_TYPED)
def test_what_is_no_markup_is_shown_as_it_was_typed_on_the_page_and_in_the_terminal(text: str) -> None:
    for shown in (on_page(text), in_terminal(text)):
        for word in text.replace("`", "").split():
            if word != ">":
                assert word in shown


def test_a_chapter_that_says_markup_gets_rich_markup_and_what_is_no_tag_stays() -> None:
    assert (
        to_html("- [bold]a *b* [acks] :smile:", "markup") == '<p dir="auto">- <strong>a *b* [acks] :smile:</strong></p>'
    )
    assert to_html("[dim]**a**[/dim]", "markdown") == '<p dir="auto">[dim]<strong>a</strong>[/dim]</p>'


def test_a_hint_is_rich_markup_or_plain_text_but_never_markdown() -> None:
    assert hint_to_rich("[dim]SPACE: *next*[/dim] [b] :smile:").plain == "SPACE: *next* [b] :smile:"


NO_SYNTAX = st.characters(
    exclude_categories=["C", "Z"],
    exclude_characters="*_`~\\#>-+=|&<0123456789",
)
"""What means nothing in Markdown but in company: brackets, colons and quotes are among it."""


@settings(deadline=None)
@given(st.lists(st.text(st.one_of(NO_SYNTAX, st.sampled_from("[](){}/:abisu")), min_size=1, max_size=9), max_size=12))
@example(["[b]", "(", "]()", "[a]:", "b"])
def test_every_character_outside_of_syntax_is_on_the_page_and_in_the_terminal(words: list[str]) -> None:
    text = " ".join(words)
    if not is_rich(text):
        assert on_page(text) == text
        assert [*in_terminal(text, width=80).replace(" ", "")] == [*text.replace(" ", "")]


@settings(deadline=None)
@given(TEXTS, st.sampled_from(["auto", "markdown", "markup"]))
def test_the_terminal_shows_every_letter_that_the_page_shows_and_in_its_order(text: str, written_in: str) -> None:
    rest = iter(in_terminal(text, written_in, width=60))
    missing = [letter for letter in on_page(text, written_in) if letter.isalpha() and letter not in rest]
    assert missing == []


UNCLOSED = ["[b]a", "[/b]", "[bold]a [/dim]", "[b][i][u]", "[link=https://x.example/]", "[", "[a](", "> ", "\\"]


@pytest.mark.parametrize("tag", UNCLOSED)
@pytest.mark.parametrize("written_in", ["auto", "markup"])
def test_twice_as_many_unclosed_tags_are_twice_the_work_and_not_four_times(tag: str, written_in: str) -> None:
    few, many = (calls(partial(to_html, tag * n + "[/]", written_in)) for n in (400, 1600))
    assert many < 4 * few * 1.5


@given(TEXTS)
def test_plain_words_are_one_line_without_markup_characters_of_ours(text: str) -> None:
    plain = to_plain(text)
    assert "\n" not in plain
    assert plain == plain.strip()


def test_html_of_a_text_is_the_same_each_time() -> None:
    assert to_html("**a** [b](https://x.example)") == to_html("**a** [b](https://x.example)")
