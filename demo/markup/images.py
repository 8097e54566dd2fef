"""Images in Markdown: `![alt](images/NAME)`, and no other address. NAME says what it is and how large."""

from collections.abc import Sequence
from html import escape

from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline, image
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from demo.narration.image import is_image_place, read_name_size

_EMPTY = (
    "data:image/svg+xml,%3Csvg xmlns=&#x27;http://www.w3.org/2000/svg&#x27; "
    "width=&#x27;{}&#x27; height=&#x27;{}&#x27;/%3E"
)
"""An empty image of the same size keeps the place until the page's script asks for the real one."""

AT_ONCE = "images_at_once"


def parse_image(state: StateInline, silent: bool) -> bool:
    """Parse an image of the deck; anything else stays the text that it is. An inline rule of markdown-it."""
    if not state.src.startswith("![", state.pos):
        return False
    label_end = state.md.helpers.parseLinkLabel(state, state.pos + 1, False)
    if label_end < 0 or not is_image_place(state.src, label_end + 1):
        return False
    return image(state, silent)


def render_image(self: RendererHTML, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
    """Render an image whose place is kept. The script of the page puts its address into `srcset`.

    With `AT_ONCE` in `env` the browser loads it by itself: for a page without a script.
    """
    token = tokens[idx]
    address = str(token.attrGet("src") or "")
    width, height = read_name_size(address)
    title = token.attrGet("title")
    tip = f' title="{escape(str(title))}"' if title else ""
    source = f'src="{escape(address)}"'
    if not env.get(AT_ONCE):
        source = f'src="{_EMPTY.format(width, height)}" data-image="{escape(address)}"'
    return f'<img class="picture" {source} alt="{escape(alt_text(token))}"{tip} width="{width}" height="{height}">'


def alt_text(token: Token) -> str:
    """Return what an image shows, in words."""
    return "".join(_words(child) for child in token.children or ())


def _words(token: Token) -> str:
    if token.type == "image":
        return alt_text(token)
    return " " if token.type in ("softbreak", "hardbreak") else token.content


def image_to_text(token: Token) -> Token:
    """Return an image as the text that a terminal shows."""
    alt = alt_text(token).strip()
    return Token("text", "", 0, content=f"[image: {alt}]" if alt else "[image]")
