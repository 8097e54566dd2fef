"""What the panels of a show showed at last on each of its chapters."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from demo.clean import clean, clean_lines
from demo.evidence.facts import PanelFacts, ShowFacts
from demo.evidence.safe_text import sanitize_for_report
from demo.journal.library.recording import Recording
from demo.journal.panel_table import PanelMoment
from demo.types import Chapter


def with_panels(facts: ShowFacts, recording: Recording, deck: Sequence[Chapter]) -> ShowFacts:
    """Return the facts with the panels. `deck`: that of the end of the show. Raises `JournalError`."""
    moments: dict[str, list[PanelMoment]] = {}
    for moment in recording.panel_moments():
        moments.setdefault(moment.name, []).append(moment)
    shown = [chapter for chapter in facts.chapters if chapter.number and chapter.visit_spans]
    has_panels = any(deck[chapter.number - 1].panels for chapter in shown)
    if not moments:
        return replace(facts, lacks_panels=has_panels)
    ends = {chapter.number: chapter.visit_spans[-1][1] for chapter in shown}
    return replace(facts, panels=tuple(_panels(recording, deck, ends, moments)))


def _panels(
    recording: Recording, deck: Sequence[Chapter], ends: Mapping[int, float], moments: Mapping[str, list[PanelMoment]]
) -> Iterator[PanelFacts]:
    for number, end in ends.items():
        for name in deck[number - 1].panels:
            newest = next((moment for moment in reversed(moments.get(name, ())) if moment.at <= end), None)
            picture = recording.picture(newest) if newest is not None else None
            if newest is None or picture is None or not (picture.text.strip() or picture.note):
                continue
            lines = (sanitize_for_report(line).rstrip() for line in clean_lines(picture.text))
            text, note = "\n".join(lines).strip("\n"), sanitize_for_report(picture.note)
            yield PanelFacts(number, name, clean(sanitize_for_report(picture.title)), newest.at, text, clean(note))
