"""A verdict as a whole screen: the word, one huge number, and the prediction beside what was measured."""

import re
from dataclasses import dataclass

from demo.show import ShowState, Verdict
from demo.texts import translate
from demo.views.countdown import counts_down

_CLAUSE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9])|;\s+")
_NUMBER = re.compile(r"(?<![\w.,-])(-?\d[\d.,]*\d|-?\d)(\s?(?:%|ms|min|s|h))?(?![\w-]|[.,]\d)")
_NONE = re.compile(r"^(?:none|no)\s+of\s+(?=\d)", re.IGNORECASE)
_PHRASE_END = re.compile(r"[,;:.(]")

MAX_PHRASE = 44
"""Characters beside the huge number; the whole sentence stands beside the prediction."""


@dataclass(frozen=True, slots=True)
class HeroView:
    """The huge number with its unit and the words that say what it counts; without a number only words."""

    number: str
    unit: str
    words: str


@dataclass(frozen=True, slots=True)
class VerdictView:
    """`state` names shape and colour: up (Confirmed), down (Refuted), quiet (Not seen). `measured`: clause by clause.

    `number`: the chapter (1-based) whose prediction it is.
    """

    number: int
    state: str
    word: str
    prediction: str
    hero: HeroView
    measured: tuple[str, ...]


def name_verdict(verdict: Verdict) -> tuple[str, str]:
    """Return a verdict's word and the state of its mark."""
    if verdict.held is None:
        return translate("Not seen"), "quiet"
    return (translate("Confirmed"), "up") if verdict.held else (translate("Refuted"), "down")


def verdict_page(state: ShowState) -> VerdictView | None:
    """Return the verdict that has the whole stage; None while something is broken, or on another chapter's page."""
    number = state.hypothesis_number(state.number)
    verdict = state.verdicts.get(number) if number is not None else None
    if number is None or verdict is None or state.chapter.shows_evidence or not _belongs_here(state, number, verdict):
        return None
    if counts_down(state) or any(f.is_running or f.awaits_recovery for f in state.faults):
        return None
    word, shown = name_verdict(verdict)
    measured = split_clauses(verdict.text)
    hero = find_hero(measured[0], with_number=verdict.held is not None)
    return VerdictView(number, shown, word, state.chapters[number - 1].hypothesis, hero, measured)


def _belongs_here(state: ShowState, number: int, verdict: Verdict) -> bool:
    """Return whether the current chapter is one in which the prediction was made, tested or judged."""
    tested = {span.chapter for span in state.spans if span.chapter and span.chapter <= state.total}
    return state.number in {number, verdict.by} | {n for n in tested if state.hypothesis_number(n) == number}


def split_clauses(text: str) -> tuple[str, ...]:
    """Split what was measured into its clauses, in their order: the one that decided comes first."""
    return tuple(clause for clause in (part.strip() for part in _CLAUSE_END.split(text)) if clause) or (text,)


def find_hero(clause: str, *, with_number: bool = True) -> HeroView:
    """Return the first number of a clause and the words beside it: "0", "of 557 requests failed"."""
    clause = clause.rstrip(". ")
    if with_number and (none := _NONE.match(clause)):
        return HeroView("0", "", _shorten(f"of {clause[none.end() :]}"))
    found = _NUMBER.search(clause) if with_number else None
    if found is None:
        return HeroView("", "", clause)
    before, after = clause[: found.start()], clause[found.end() :].lstrip()
    words = _PHRASE_END.split(after)[0].strip() or _PHRASE_END.split(before.rstrip(" =:,"))[-1].strip()
    return HeroView(found[1], (found[2] or "").strip(), _shorten(words))


def _shorten(words: str) -> str:
    phrase = _PHRASE_END.split(words)[0].strip()
    return phrase if len(phrase) <= MAX_PHRASE else f"{phrase[: MAX_PHRASE - 1].rstrip()}…"
