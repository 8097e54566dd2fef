"""The sentences on a killed leader, made from what was measured. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.types import Measured

Judged = tuple[bool | None, str]
"""Whether the hypothesis held (None: no effect was seen, or it could not be measured), and why."""


@dataclass(frozen=True)
class Run:
    """One kill and its effects. Times in seconds; None: not seen, or not known.

    `elected_sec`: until another leader was seen; `outage_sec`: the longest time in which no write was confirmed.
    `books`: counts of the verification, `keys`, `missing` and `unread`.
    """

    victim: str
    measured: Measured
    leader: str | None = None
    elected_sec: float | None = None
    outage_sec: float | None = None
    books: Mapping[str, int] | None = None
    books_trouble: str = ""
    """Why `books` is None."""

    where: str = ""
    """Where no write was confirmed, if that may be less than everywhere: " in one region"."""

    led: Mapping[str, int] = field(default_factory=dict)
    """How many regions each leader leads by then, in descending order; empty where there is only one leader."""

    aside: str = ""
    """Anything else that was measured, in a sentence."""


def elected_sec(health: Mapping[str, Any] | None, victim: str, since: float | None) -> tuple[str, float] | None:
    """Return who leads instead of the victim, and how many seconds after `since` that was seen; None: nobody yet."""
    leader = (health or {}).get("leader") or {}
    name, at = leader.get("id"), leader.get("since")
    if since is None or name in (None, victim) or at is None or at < since:
        return None
    return str(name), float(at) - since


def of_election(run: Run) -> str:
    """Return one line on the election, for the audience."""
    gap = "" if run.outage_sec is None else f" No write was confirmed{run.where} for {run.outage_sec:.1f} s."
    if run.elected_sec is None:
        return f"No other leader was seen after {run.victim} was killed.{gap}"
    if len(run.led) > 1:
        return f"{run.elected_sec:.1f} s after the kill every region has a leader: {_describe_leaders(run.led)}.{gap}"
    return f"{run.leader} leads, {run.elected_sec:.1f} s after the kill.{gap}"


def of_kill(run: Run, within_sec: float) -> Judged:
    """Return whether another leader took over within `within_sec`, with everything that was confirmed still there."""
    if run.measured.detected_after_sec is None:
        return None, f"No effect seen: {run.victim} was never seen down."
    if run.elected_sec is None:
        return False, f"No other leader was seen after {run.victim} was killed."
    is_complete, books = _judge_books(run.books, run.books_trouble)
    recovered = run.measured.recovered_after_sec is not None or run.measured.came_back_after_sec is not None
    gap = "" if run.outage_sec is None else f", {run.outage_sec:.1f} s without a confirmed write{run.where}"
    led = f"Every region was led again ({_describe_leaders(run.led)})" if len(run.led) > 1 else f"{run.leader} led"
    is_in_time = run.elected_sec <= within_sec
    late = "" if is_in_time else f", later than {within_sec:g} s"
    election = f"{led} after {run.elected_sec:.1f} s{late}{gap}."
    # What decides comes first: the stage shows its number large.
    if is_complete is not True:
        return is_complete, f"{books} {election}"
    if not recovered:
        return False, f"Not all parts came back. {election} {books}"
    return is_in_time, f"{election} {books}"


def _describe_leaders(led: Mapping[str, int]) -> str:
    return ", ".join(f"{name} leads {count}" for name, count in led.items())


def _judge_books(books: Mapping[str, int] | None, trouble: str) -> Judged:
    if books is None:
        return None, f"Not measurable whether a write was lost: {trouble or 'the record of confirmed writes is lost'}."
    keys, missing, unread = (books[name] for name in ("keys", "missing", "unread"))
    if missing:
        return False, f"{missing} of {keys} keys have lost a confirmed write."
    if unread or not keys:
        return None, f"Not measurable whether a write was lost: {unread} of {keys} keys could not be read."
    return True, f"All {keys} written keys still have their confirmed value."
