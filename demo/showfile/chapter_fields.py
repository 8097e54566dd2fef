"""What a chapter of a show file becomes on the stage, but for its action."""

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from demo.conditions import ConditionError, condition_in_words, parse
from demo.narration.threshold import Threshold
from demo.showfile.chapter_vote import vote_of
from demo.showfile.schema.chapters import Step
from demo.showfile.show import ShowChapter
from demo.showfile.steps import describe_step, needed_sec
from demo.types import ACTION_LIMIT_SEC


def chapter_fields(chapter: ShowChapter) -> dict[str, Any]:
    """Return the fields of its `demo.types.Chapter` by name, as plain JSON, without `on_enter`."""
    settings = chapter.settings
    return {
        "title": chapter.title,
        "narration": "\n\n".join(chapter.pages),
        "steps": chapter.pages if len(chapter.pages) > 1 else (),
        "auto_advance": settings.auto_advance,
        "blocks_advance": settings.blocks_advance,
        "notes": chapter.notes,
        "budget_sec": settings.budget,
        "limit_sec": max(ACTION_LIMIT_SEC, math.ceil(needed_sec(settings.on_enter))),
        "hypothesis": settings.hypothesis or "",
        "shows_evidence": settings.evidence,
        "format": "markdown",
        "panels": settings.panels,
        "has_large_panels": settings.layout == "panel",
        "vote": asdict(vote) if (vote := vote_of(settings)) is not None else None,
        "highlight": (settings.highlight,) if isinstance(settings.highlight, str) else settings.highlight,
        "watches": _watched(settings.expect),
        "thresholds": [asdict(limit) for limit in _find_thresholds(settings.expect)],
        "injects": tuple(step.fault for step in settings.on_enter if isinstance(step, Step) and step.fault),
        "expect": _in_words(settings.expect),
        "actions": tuple(map(_describe_action, settings.on_enter)),
    }


def _watched(expect: str | None) -> tuple[str, ...]:
    """Return what the condition of a prediction speaks of; one that cannot be read is told where it is checked."""
    try:
        uses = () if expect is None else parse(expect).names()
    except ConditionError:
        return ()
    return tuple(dict.fromkeys(".".join(use.parts) for use in uses))


def _find_thresholds(expect: str | None) -> Iterator[Threshold]:
    """Yield the limits that a prediction sets to numbers; one that cannot be read is told where it is checked."""
    try:
        limits = () if expect is None else parse(expect).limits()
    except ConditionError:
        return
    for limit in limits:
        yield Threshold(".".join(limit.path), limit.operator, limit.limit.number, limit.limit.unit)


def _in_words(condition: str | None) -> str:
    """Return a condition in words; as it is written where it cannot be read, which is told where it is checked."""
    try:
        return "" if condition is None else condition_in_words(parse(condition))
    except ConditionError:
        return condition or ""


def _describe_action(step: Step | str) -> str:
    """Return a step of the action for people: its name if it has one, and what it does."""
    if isinstance(step, str):
        return step
    named = f"{step.name} ({describe_step(step)})" if step.name else describe_step(step)
    return f"{named}, if {_in_words(step.if_)}" if step.if_ else named
