"""The deck that comes with a built-in subject: a show file beside its module, kept in the form in which it was read.

Reading Markdown, YAML and a schema takes a third of the start. So what was read is stored in the cache directory, as
compiled templates are, and the reader is imported only when the file or the reader has changed.
"""

import asyncio
import contextlib
import hashlib
import importlib
import json
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from demo import __version__
from demo.ballots.vote import read_vote
from demo.errors import FaultError
from demo.narration.threshold import read_thresholds
from demo.paths import cache_directory, make_private
from demo.subjects.deck_functions import call_function
from demo.subjects.deck_words import fill_chapter
from demo.types import Chapter, Stage

READER = "demo.showfile.packaged:read_packaged"
PACKAGE = "demo."
"""Functions of packaged decks are this package's own: nothing else is called on the word of a cached file."""

Action = Mapping[str, Any]
"""One step: `say` or `python`, and its `timeout` in seconds or None."""


def packaged_deck(file: Path, stage: Stage, subject: object) -> tuple[Chapter, ...]:
    """Return the chapters of a packaged show file; their functions get `stage` and `subject`, whose words fill them."""
    return tuple(
        fill_chapter(_make_chapter(stored["chapter"], stored["actions"], stage, subject), subject)
        for stored in _read(file)
    )


def _make_chapter(fields: Mapping[str, Any], actions: Sequence[Action], stage: Stage, subject: object) -> Chapter:
    on_enter = partial(_act, actions, stage, subject) if actions else None
    # JSON has no tuples.
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
    }
    values["vote"] = read_vote(values["vote"])
    values["thresholds"] = read_thresholds(values["thresholds"])
    return Chapter(**values, on_enter=on_enter)


async def _act(actions: Sequence[Action], stage: Stage, subject: object) -> None:
    for action in actions:
        try:
            async with asyncio.timeout(action["timeout"]):
                if action["say"] is not None:
                    await stage.say(action["say"])
                else:
                    await call_function(action["python"], stage, subject)
        except TimeoutError as error:
            raise FaultError(f"it did not finish within {action['timeout']:g} s") from error


def _read(file: Path) -> Sequence[Mapping[str, Any]]:
    text = file.read_text("utf-8")
    cached = cache_directory() / "decks" / f"{_key(text)}.json"
    if (found := _load(cached)) is not None:
        return found
    module, _, name = READER.partition(":")
    read: Sequence[Mapping[str, Any]] = getattr(importlib.import_module(module), name)(file)
    with contextlib.suppress(OSError):
        _store(cached, json.dumps(read))
    return read


def _key(text: str) -> str:
    """Return what a deck is cached under: its text, and the versions of this package and of its reader."""
    reader = Path(__file__).parent.parent / "showfile"
    stamps = [(path.name, path.stat().st_mtime_ns) for path in sorted(reader.rglob("*.py"))]
    return hashlib.sha256(f"{__version__} {stamps}\n{text}".encode()).hexdigest()


def _load(cached: Path) -> Sequence[Mapping[str, Any]] | None:
    """Return a deck as it was stored; None if there is none, or if it cannot be read."""
    try:
        found = json.loads(cached.read_bytes())
        places = [action["python"] for chapter in found for action in chapter["actions"]]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    is_ours = all(place is None or str(place).startswith(PACKAGE) for place in places)
    return found if is_ours else None


def _store(cached: Path, text: str) -> None:
    """Store a deck for its owner alone, whole or not at all. Raises `OSError`."""
    make_private(cached.parent)
    draft = cached.with_suffix(f".{os.getpid()}")
    draft.write_text(text, "utf-8")
    draft.replace(cached)
