"""What to say of a killed leader, from what was measured. Pure: numbers in, an honest sentence out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.types import Measured

Verdict = tuple[bool | None, str]
"""Held, did not, or (None) no effect was seen or it could not be measured; and why."""


@dataclass(frozen=True)
class Run:
    """One kill as it went. Times in seconds; None: not seen, or not known.

    `elected_sec`: until another leader was seen, `outage_sec`: the longest time in which no write was confirmed.
    """

    victim: str
    measured: Measured
    leader: str | None = None
    elected_sec: float | None = None
    outage_sec: float | None = None
    books: Mapping[str, int] | None = None
    books_trouble: str = ""
    """Why there are no books."""

    where: str = ""
    """Where no write was confirmed, if that need not be everywhere: " in one region"."""

    led: Mapping[str, int] = field(default_factory=dict)
    """Who leads how many regions by then, where there are several to lead: most first."""

    aside: str = ""
    """What else was measured, in a sentence."""


def elected_sec(health: Mapping[str, Any] | None, victim: str, since: float | None) -> tuple[str, float] | None:
    """Who leads instead of the victim, and how long after `since` that was seen; None: nobody yet, or the same."""
    told = (health or {}).get("leader") or {}
    name, at = told.get("id"), told.get("since")
    if since is None or name in (None, victim) or at is None or at < since:
        return None
    return str(name), float(at) - since


def of_election(run: Run) -> str:
    """One line for the room."""
    gap = "" if run.outage_sec is None else f" No write was confirmed{run.where} for {run.outage_sec:.1f} s."
    if run.elected_sec is None:
        return f"Nobody was seen to lead instead of {run.victim}.{gap}"
    if len(run.led) > 1:
        return f"{run.elected_sec:.1f} s after the kill every region has a leader: {_of_led(run.led)}.{gap}"
    return f"{run.leader} leads, {run.elected_sec:.1f} s after the kill.{gap}"


def of_kill(run: Run, within_sec: float) -> Verdict:
    """Did another lead within `within_sec`, and does everything hold that was confirmed?"""
    if run.measured.detected_after_sec is None:
        return None, f"No effect seen: {run.victim} was never seen down."
    if run.elected_sec is None:
        return False, f"No other leader was seen after {run.victim} was gone."
    whole, books = _of_books(run.books, run.books_trouble)
    back = run.measured.recovered_after_sec is not None or run.measured.came_back_after_sec is not None
    gap = "" if run.outage_sec is None else f", {run.outage_sec:.1f} s without a confirmed write{run.where}"
    led = f"Every region was led again ({_of_led(run.led)})" if len(run.led) > 1 else f"{run.leader} led"
    text = f"{led} after {run.elected_sec:.1f} s{gap}. {books}"
    if whole is not True:
        return whole, text
    return (run.elected_sec <= within_sec, text) if back else (False, f"{text} Not all parts came back.")


def _of_led(led: Mapping[str, int]) -> str:
    return ", ".join(f"{name} leads {count}" for name, count in led.items())


def _of_books(books: Mapping[str, int] | None, trouble: str) -> Verdict:
    if books is None:
        return None, f"Not measurable whether a write was lost: {trouble or 'the books are gone'}."
    keys, missing, unread = (books[name] for name in ("keys", "missing", "unread"))
    if missing:
        return False, f"{missing} of {keys} keys lack what had been confirmed."
    if unread or not keys:
        return None, f"Not measurable whether a write was lost: {unread} of {keys} keys could not be read."
    return True, f"All {keys} keys that were written hold what was confirmed."
