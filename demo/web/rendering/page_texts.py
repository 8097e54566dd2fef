"""The language of a page: what its template calls for a text, and the few texts that its scripts say."""

import json
from collections.abc import Callable

from jinja2 import Environment

from demo.ballots.vote import NO, YES
from demo.texts import current_catalogue, mark_text

EXTENSION = "jinja2.ext.i18n"
"""Jinja's own: `_`, `ngettext`, `pgettext` and `{% trans %}`."""

ON_EVERY_PAGE = (
    mark_text("%(time)s behind"),
    mark_text("%(time)s ahead"),
    mark_text("on time"),
    mark_text("a moment"),
    mark_text("not live: no contact with the show · for %(time)s"),
    mark_text("not live: another show has begun · loading it"),
    mark_text("not live: other tabs use the connections · click to go live here"),
    mark_text("not live: all connections are taken · trying again"),
    mark_text("connection lost · %(time)s ago"),
    mark_text("the network holds updates back: refreshed every %(seconds)s s"),
    mark_text("too many viewers: refreshed every %(seconds)s s"),
    mark_text("lost"),
    mark_text("polling"),
    mark_text("live"),
)
ON_THE_STAGE = (
    YES,
    NO,
    mark_text("You said %(answer)s."),
    mark_text("Not sent yet."),
    mark_text("Sending …"),
    mark_text("The connection is bad: trying again."),
    mark_text("You can change it until the vote closes."),
    mark_text("Not counted: %(reason)s"),
    mark_text("The vote is closed"),
    mark_text("Too many attempts"),
    mark_text("The request is not valid"),
)
WHERE_BUTTONS_ARE = (
    mark_text("not sent: no connection"),
    mark_text("no answer: check the show before you press again"),
    mark_text("refused (%(status)s)"),
    mark_text("no answer"),
    mark_text("Go on anyway"),
    mark_text("hold it for a moment"),
    mark_text("halted already"),
    mark_text("X again to halt"),
    mark_text("W again to reset the timer"),
    mark_text("M again: all screens show the recording"),
    mark_text("too late: nothing was fired; press C to choose a fault"),
    mark_text("there is no fault %(number)s"),
    mark_text("type a number, then Enter"),
    mark_text("“%(key)s” is not a digit: type a number, then Enter; Esc closes"),
    mark_text("“%(key)s” is not a digit: type a digit, then Enter; Esc cancels"),
    mark_text("Enter came too late: nothing was fired"),
)
TITLES_OF_REFUSALS = (
    mark_text("The show has moved on"),
    mark_text("The chapter is still running"),
    mark_text("The action is still running"),
    mark_text("What the chapter requires is not met"),
    mark_text("This is the last chapter"),
    mark_text("This is the first chapter"),
    mark_text("The fault is already in place"),
    mark_text("Everything is being healed"),
    mark_text("A replay cannot do this"),
    mark_text("The show is halted"),
    mark_text("The undo cannot be saved"),
    mark_text("The show is over"),
    mark_text("Error in the server"),
)
"""Titles of problem documents, which stay English: a page in another language says them in place of the details."""

SCRIPT_TEXTS = {
    "stage": ON_EVERY_PAGE + ON_THE_STAGE,
    "presenter": ON_EVERY_PAGE
    + WHERE_BUTTONS_ARE
    + TITLES_OF_REFUSALS
    + (
        mark_text("lost"),
        mark_text("polling"),
        mark_text("live"),
        mark_text("Return to %(number)s"),
        mark_text("Return"),
    ),
    "remote": ON_EVERY_PAGE
    + WHERE_BUTTONS_ARE
    + TITLES_OF_REFUSALS
    + (
        mark_text("This screen may lock."),
        mark_text("This screen may lock: to keep it on, the page needs HTTPS or localhost."),
    ),
    "pair": (
        mark_text("The server does not answer. Is this device on the same network? Then try again."),
        mark_text("Pair this device"),
        mark_text("Try again"),
        mark_text("Pair"),
        mark_text("This did not work"),
        mark_text("Pairing…"),
        mark_text("This device is no longer paired. Pair it again to control the show."),
        mark_text("Too many attempts"),
        mark_text("This code is not valid"),
    ),
}
"""What the scripts of each page say, by the English that stands in them. They have no catalogue of their own."""


def script_texts(page: str) -> str:
    """Return the texts for a page's scripts as JSON, by the English ones; "" for a page in English."""
    catalogue = current_catalogue()
    if catalogue.language == "en":
        return ""
    texts = {text: catalogue.find(text) for text in SCRIPT_TEXTS[page]}
    return json.dumps(texts | {".": catalogue.decimal_sign}, ensure_ascii=False, separators=(",", ":"))


def install_texts(environment: Environment, fingerprint: str) -> None:
    """Let templates say texts in the current language.

    `page_build` is the build of a page: one in another language is another page, which a browser has to load anew.
    """

    def page_build() -> str:
        language = current_catalogue().language
        return fingerprint if language == "en" else f"{fingerprint}-{language}"

    install: Callable[..., None] = environment.install_gettext_callables  # type: ignore[attr-defined]
    install(_find, _find_counted, newstyle=True, pgettext=_find_in_context)
    environment.globals["page_build"] = page_build


def _find(text: str) -> str:
    return current_catalogue().find(text)


def _find_counted(one: str, many: str, num: int) -> str:
    return current_catalogue().find_counted(one, many, num)


def _find_in_context(context: str, text: str) -> str:
    return current_catalogue().find(text, context)
