"""The regions of each view: what each reads of the view, and its rendering, kept while that stays the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from types import SimpleNamespace

from demo.show.health_sample import replace_surrogates
from demo.texts import current_catalogue

_SPOKEN = ("number", "total", "step", "steps", "heading", "status", "halted", "blackout", "banners")

REGIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "stage": {
        "look": ("look",),
        "spoken": _SPOKEN,
        "mode": ("mode", "verdict"),
        "top": ("title", "number", "total", "step", "steps", "sampled_at", "freshness"),
        "narration": (
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
        "cover": ("mode", "description", "heading", "narration", "text_format", "join"),
        "joined": ("joined", "mode"),
        "verdict": ("verdict", "room"),
        "evidence": ("mode", "heading", "evidence_table"),
        "figure": ("figure", "mode", "has_panels"),
        "cards": ("system", "mode", "has_system", "has_curves", "has_panels"),
        "curves": ("timeline", "mode", "freshness", "has_panels"),
        "rest": ("rest", "mode"),
        "panel_1": ("panels",),
        "panel_2": ("panels",),
        "panel_3": ("panels",),
        "panel_4": ("panels",),
        "panel_5": ("panels",),
        "said": ("said", "said_is_question"),
        "record": ("record",),
        "line": ("line",),
        "count": ("countdown_ends_at",),
        "curtain": ("blackout", "title", "number", "join"),
        "replay": ("replay",),
        "feed": (),
        "build": (),
    },
    "presenter": {
        "look": ("look",),
        "spoken": _SPOKEN,
        "bar": ("number", "total", "step", "steps", "entered_at", "budget_sec", "timer"),
        "clock_keys": ("timer",),
        "watching": ("watching", "remotes"),
        "controls": ("blackout", "frozen_on"),
        "halt": ("halted",),
        "heading": ("heading", "status", "can_rerun", "position"),
        "now": ("notes", "text_format"),
        "sampled": ("sampled_at",),
        "next_heading": ("next_heading",),
        "next": ("next_heading", "next_narration", "next_format"),
        "audience": ("number", "position", "room_text", "frozen_on", "replay", "plan_b"),
        "problems": ("problems",),
        "message": ("said", "said_in_room"),
        "vote": ("tally", "can_open_vote"),
        "faults": ("faults", "halted"),
        "system": ("cards",),
        "log": ("log",),
        "panels": ("panels",),
        "question_count": ("questions",),
        "questions": ("questions",),
        "back": ("position",),
        "status": ("status_line",),
        "move_keys": ("number", "position", "total", "blocked_by", "next_heading"),
        "overview": ("position", "overview", "plan_b"),
        "recording": ("replay",),
        "build": (),
    },
    "remote": {
        "look": ("look",),
        "spoken": _SPOKEN,
        "head": ("number", "total", "step", "steps", "entered_at", "budget_sec", "timer"),
        "status": ("status_line",),
        "notes": ("heading", "status", "error", "notes", "text_format", "replay", "plan_b"),
        "move_keys": ("number", "position", "total", "blocked_by", "next_heading", "blackout", "frozen_on"),
        "fault_key": ("faults",),
        "halt": ("halted",),
        "sheet": (
            "number",
            "position",
            "halted",
            "faults",
            "can_rerun",
            "blackout",
            "frozen_on",
            "room_text",
            "timer",
            "plan_b",
        ),
        "replay": ("replay",),
        "build": (),
    },
}
"""The regions of each view in the order they are sent, with the attributes of the view model that each reads.

Each is a macro of the view's template; it gets these attributes and no others.
"""

PREVIEW = "preview"
"""The region of the presenter's page with the stage as the next step will begin."""

OF_QUESTIONS = frozenset({"question_count", "questions"})
"""The regions of the presenter's page that it only has where the audience may ask."""

STAGE_ALONE = frozenset({"spoken", "look", "build", "feed"})
"""The stage's regions that are not part of its picture on the presenter's page."""


def region_names(view: str, *, takes_questions: bool = False) -> tuple[str, ...]:
    """Return the names of all regions that a page of `view` has; on the presenter's page the stage's picture, too."""
    own = [name for name in REGIONS[view] if takes_questions or name not in OF_QUESTIONS]
    on_stage = [name for name in REGIONS["stage"] if name not in STAGE_ALONE]
    return (*own, *((*on_stage, PREVIEW) if view == "presenter" else ()))


@dataclass(frozen=True, slots=True)
class PageRegion:
    """One region of a page: the content of its element `#r-NAME`, without line breaks."""

    name: str
    html: str


class ViewRenderer:
    """All regions of a view."""

    def __init__(self, view: str, macros: object) -> None:
        self._regions = [CachedRegion(name, getattr(macros, name), reads) for name, reads in REGIONS[view].items()]

    def render(self, model: object) -> tuple[PageRegion, ...]:
        """Return every region, changed or not."""
        language = current_catalogue().language
        return tuple([region.render(model, language) for region in self._regions])


class CachedRegion:
    """One region of a view, rendered again only when one of the attributes has changed that its macro reads.

    With all three pages open this saves about 1.5 ms of each state (docs/decisions/0037): what changes is mostly two
    or three regions of fourteen.
    """

    def __init__(self, name: str, macro: Callable[[SimpleNamespace], str], reads: tuple[str, ...]) -> None:
        self._name, self._macro, self._reads = name, macro, reads
        self._read: Callable[[object], object] = attrgetter(*reads) if reads else lambda _model: ()
        self._inputs: object = None
        self._language = ""
        self._last: PageRegion | None = None

    def render(self, model: object, language: str = "") -> PageRegion:
        """Return the region for this view model. `language`: the one that texts are translated to now."""
        inputs = self._read(model)
        if self._last is None or inputs != self._inputs or language != self._language:
            view = SimpleNamespace(**{name: getattr(model, name) for name in self._reads})
            self._last = PageRegion(self._name, join_lines(str(self._macro(view))))
            self._language, self._inputs = language, inputs
        return self._last


def join_lines(html: str) -> str:
    """Replace line breaks, for an SSE message must be one line of data, and what UTF-8 cannot encode."""
    return replace_surrogates(html.replace("\n", " ").replace("\r", " ").strip())
