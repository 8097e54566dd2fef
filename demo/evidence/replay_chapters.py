"""The chapters of a recorded show as WebVTT, for a video of the talk: when each was entered, counted from the start."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from demo.clean import clean
from demo.show import ShowState
from demo.show import events as e


@dataclass(frozen=True, slots=True)
class Cue:
    """A visit of a chapter. Times are seconds since the start of the show."""

    starts_at: float
    ends_at: float
    text: str


def list_cues(states: Iterable[tuple[ShowState, e.JournalEntry]]) -> Iterator[Cue]:
    """Yield each visit of a chapter that took any time, in order; `states`: the show after each entry, and that entry.

    Raises what reading the entries raises.
    """
    began, entered, text, at = None, 0.0, "", 0.0
    for state, entry in states:
        began = entry.at if began is None else began
        at = max(at, entry.at - began)
        if isinstance(entry.event, e.ChapterEntered):
            if text and at > entered:
                yield Cue(entered, at, text)
            entered, text = at, f"{state.number}. {clean(state.chapter.title)}"
    if text and at > entered:
        yield Cue(entered, at, text)


def make_webvtt(cues: Iterable[Cue]) -> str:
    """Return a WebVTT file of these cues."""
    blocks = [f"{_time(cue.starts_at)} --> {_time(cue.ends_at)}\n{_escape(cue.text)}\n" for cue in cues]
    return "\n".join(["WEBVTT\n", *blocks])


def _time(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def _escape(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
