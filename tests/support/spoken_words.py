"""The words that a person reads, or hears, of a page."""

import re
from html.parser import HTMLParser

WORD = re.compile(r"[^\W\d_]{2,}")
READ = ("aria-label", "title", "placeholder", "alt", "data-mine", "data-empty", "data-label")


def spoken_words(html: str) -> set[str]:
    """Return the words of a page, those of attributes that are read too; not of its log, which is the server's."""
    found = _Words()
    found.feed(html)
    found.close()
    return found.words


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: set[str] = set()
        self._log = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "div":
            self._log = self._log + 1 if self._log or known.get("id") == "r-log" else 0
        if not self._log:
            self.words.update(word for name in READ for word in WORD.findall(known.get(name) or ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "div" and self._log:
            self._log -= 1

    def handle_data(self, data: str) -> None:
        if not self._log:
            self.words.update(WORD.findall(data))
