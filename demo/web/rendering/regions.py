"""The regions of each view: what each reads of the view, and its rendering, kept while that stays the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace

from demo.show.health_sample import encodable

_SPOKEN = ("number", "total", "step", "steps", "heading", "status", "halted", "blackout", "banners")

REGIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "stage": {
        "spoken": _SPOKEN,
        "mode": ("mode", "verdict"),
        "top": ("title", "number", "total", "step", "steps", "sampled_at", "freshness"),
        "tale": (
            "mode",
            "number",
            "heading",
            "narration",
            "whole_narration",
            "text_format",
            "claim",
            "story_claim",
            "room",
            "has_system",
            "has_panels",
            "has_large_panels",
        ),
        "ballot": ("ballot",),
        "tally": ("tally",),
        "cover": ("mode", "description", "heading", "narration", "text_format"),
        "verdict": ("verdict", "room"),
        "evidence": ("mode", "heading", "evidence_table"),
        "figure": ("figure", "evidence", "has_panels"),
        "cards": ("system", "evidence", "has_system", "has_panels"),
        "curves": ("timeline", "evidence", "freshness", "has_panels"),
        "rest": ("rest", "evidence"),
        "panel_1": ("panels",),
        "panel_2": ("panels",),
        "panel_3": ("panels",),
        "panel_4": ("panels",),
        "panel_5": ("panels",),
        "said": ("said",),
        "record": ("record",),
        "line": ("line",),
        "count": ("countdown_ends_at",),
        "veil": ("blackout",),
        "feed": (),
        "build": (),
    },
    "presenter": {
        "spoken": _SPOKEN,
        "bar": ("number", "total", "step", "steps", "entered_at", "budget_sec", "timer", "watching", "remotes"),
        "controls": ("blackout", "frozen_on", "halted"),
        "room": ("number", "position", "room_text", "frozen_on"),
        "problems": ("problems",),
        "now": (
            "number",
            "position",
            "heading",
            "status",
            "can_rerun",
            "narration",
            "text_format",
            "notes",
            "claim",
            "countdown_ends_at",
            "error",
            "banners",
            "frozen_on",
        ),
        "next": ("next_heading", "next_narration", "next_format"),
        "system": ("sampled_at", "freshness", "cards"),
        "panels": ("panels",),
        "vote": ("tally", "can_open_vote"),
        "faults": ("faults", "halted"),
        "said": ("said", "said_in_room"),
        "log": ("log",),
        "drive": ("number", "position", "total", "blocked_by", "next_heading"),
        "jump": ("number", "position", "chapters"),
        "build": (),
    },
    "remote": {
        "spoken": _SPOKEN,
        "head": (
            "number",
            "total",
            "step",
            "steps",
            "status",
            "halted",
            "countdown_ends_at",
            "entered_at",
            "budget_sec",
            "timer",
        ),
        "room": ("number", "position", "room_text", "frozen_on"),
        "health": ("health_state", "health_text", "sampled_at", "banners"),
        "notes": ("heading", "error", "notes", "text_format"),
        "thumb": ("number", "position", "total", "blocked_by", "next_heading", "faults", "halted"),
        "sheet": ("position", "halted", "faults", "can_rerun", "blackout", "frozen_on", "timer"),
        "build": (),
    },
}
"""The regions of each view in the order they are sent, with the attributes of the view model that each reads.

Each is a macro of the view's template; it gets these attributes and no others.
"""


@dataclass(frozen=True, slots=True)
class PageRegion:
    """One region of a page: the content of its element `#r-NAME`, without line breaks."""

    name: str
    html: str


class ViewDrawing:
    """All regions of a view."""

    def __init__(self, view: str, macros: object) -> None:
        self._regions = [RegionDrawing(name, getattr(macros, name), reads) for name, reads in REGIONS[view].items()]

    def of(self, model: object) -> tuple[PageRegion, ...]:
        """Return every region, changed or not."""
        return tuple([region.of(model) for region in self._regions])


class RegionDrawing:
    """One region of a view, rendered again only when one of the attributes has changed that its macro reads.

    With all three pages open this saves about 1.5 ms of each state (docs/decisions/0037): what changes is mostly two
    or three regions of fourteen.
    """

    def __init__(self, name: str, macro: Callable[[SimpleNamespace], str], reads: tuple[str, ...]) -> None:
        self._name, self._macro, self._reads = name, macro, reads
        self._inputs: tuple[object, ...] = ()
        self._last: PageRegion | None = None

    def of(self, model: object) -> PageRegion:
        inputs = tuple(getattr(model, name) for name in self._reads)
        if self._last is None or inputs != self._inputs:
            view = SimpleNamespace(**dict(zip(self._reads, inputs, strict=True)))
            self._last = PageRegion(self._name, join_lines(str(self._macro(view))))
            self._inputs = inputs
        return self._last


def join_lines(html: str) -> str:
    """Replace line breaks, for an SSE message must be one line of data, and what UTF-8 cannot encode."""
    return encodable(html.replace("\n", " ").replace("\r", " ").strip())
