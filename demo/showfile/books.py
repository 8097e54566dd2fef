"""What conditions, cards and curves of a show say of the numbered writes of a load."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from demo.conditions import Quantity, Value
from demo.load.book.marks import Anomalies
from demo.load.book.sender import BookState

BOOK = "book"
BOOK_PREFIX = f"{BOOK}."
READ_FIELDS = ("lost", "duplicate", "out_of_order", "landed")
"""Known only while the writes can be read again."""

_WORDS: Mapping[str, str] = {
    "lost": "lost",
    "duplicate": "there twice",
    "out_of_order": "out of order",
}


def book_fact(state: BookState, field: str) -> Value:
    """Return one field of a book as conditions name it; None while it is unknown."""
    if field in READ_FIELDS:
        return Quantity(float(getattr(state.counts.wrong, field))) if state.is_known else None
    return Quantity(float(getattr(state.counts, field)))


def describe_book(state: BookState) -> str:
    """Return a book in a few words: `580 confirmed, 0 lost, 3 ambiguous (1 of them found)`."""
    counts = state.counts
    parts = [f"{counts.confirmed} confirmed"]
    if state.is_known:
        parts.append(f"{counts.wrong.lost} lost")
        parts += [f"{number} {word}" for word, number in _wrong(counts.wrong) if word != "lost"]
    else:
        parts.append(f"not read again{f': {state.trouble}' if state.trouble else ''}")
    if counts.ambiguous:
        landed = f" ({counts.wrong.landed} found)" if state.is_known and counts.wrong.landed else ""
        parts.append(f"{counts.ambiguous} ambiguous{landed}")
    return ", ".join(parts)


def add_book(card: Mapping[str, Any], state: BookState) -> dict[str, Any]:
    """Return the card of a load with what is known of its writes.

    Its health stays that of the requests: what is lost never recovers, but the system does.
    """
    counts = state.counts
    numbers: dict[str, float | None] = {"confirmed": counts.confirmed}
    wrong: list[tuple[str, int]] = []
    if state.is_known:
        numbers["lost"] = counts.wrong.lost
        wrong = _wrong(counts.wrong)
        numbers |= {word: number for word, number in wrong if word != "lost"}
    if counts.ambiguous:
        numbers["ambiguous"] = counts.ambiguous
    found = [f"{number} confirmed {'write' if number == 1 else 'writes'} {word}" for word, number in wrong]
    before = [f"{number} {word} before" for word, number in _wrong(counts.wrong_before)]
    unread = [f"what it wrote cannot be read again: {state.trouble}"] if state.trouble else []
    detail = " · ".join(part for part in (*found, card["detail"], *unread, *before) if part)
    return {**card, "detail": detail, "metrics": {**card["metrics"], **numbers}}


def book_metrics(name: str, state: BookState) -> Iterator[dict[str, Any]]:
    """Yield the curves of a book."""
    lost = state.counts.wrong.lost if state.is_known else None
    for field, value in (("confirmed", state.counts.confirmed), ("lost", lost)):
        role = "errors" if field == "lost" else "load"
        label = f"{name} {field}"
        yield {"name": f"{name}.book.{field}", "label": label, "value": value, "unit": "", "role": role}


def _wrong(found: Anomalies) -> list[tuple[str, int]]:
    """Return what is wrong, in words with its number."""
    numbers = asdict(found)
    return [(word, numbers[field]) for field, word in _WORDS.items() if numbers[field]]
