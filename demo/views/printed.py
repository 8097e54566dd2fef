"""The whole deck on paper, for the presenter: what each chapter says, predicts and breaks, as the deck declares it."""

from dataclasses import dataclass

from demo.markup.columns import has_columns
from demo.narration.code_steps import without_code_steps
from demo.show import FaultState, ShowState
from demo.texts import translate
from demo.types import ChaosConfig, ChaosType, Chapter
from demo.views.cards import number_text


@dataclass(frozen=True, slots=True)
class PrintedFault:
    """A fault: whom it hits unless it is asked otherwise, and how long it lasts in words."""

    name: str
    title: str
    target: str
    lasts: str


@dataclass(frozen=True, slots=True)
class PrintedVote:
    """What the audience votes on. Without `options` a number is guessed."""

    question: str
    options: tuple[str, ...]
    unit: str


@dataclass(frozen=True, slots=True)
class PrintedChapter:
    """A chapter. `parts`: its text, in several parts where it is shown step by step. `notes`: "" when left out."""

    number: int
    title: str
    parts: tuple[str, ...]
    text_format: str
    hypothesis: str
    expect: str
    vote: PrintedVote | None
    actions: tuple[str, ...]
    faults: tuple[PrintedFault, ...]
    budget_sec: float | None
    notes: str


@dataclass(frozen=True, slots=True)
class PrintedDeck:
    """The deck. Never for the audience: it has the targets of faults, and the notes unless `has_notes` is False.

    `budget_sec`: the sum of what the chapters plan, None if none does.
    """

    title: str
    description: str
    subject: str
    language: str
    direction: str
    chapters: tuple[PrintedChapter, ...]
    faults: tuple[PrintedFault, ...]
    budget_sec: float | None
    has_notes: bool


def printed_deck(state: ShowState, *, with_notes: bool = True) -> PrintedDeck:
    """Return the deck of this process. What is measured and where the show is has no influence."""
    budgets = [chapter.budget_sec for chapter in state.deck if chapter.budget_sec is not None]
    style = state.deck[0].style
    return PrintedDeck(
        title=state.title,
        description=state.description,
        subject=state.subject,
        language=style.language or "en",
        direction=style.direction,
        chapters=tuple(_print_chapter(state, n, chapter, with_notes) for n, chapter in enumerate(state.deck, 1)),
        faults=tuple(map(_print_fault, state.faults)),
        budget_sec=sum(budgets) if budgets else None,
        has_notes=with_notes,
    )


def _print_chapter(state: ShowState, number: int, chapter: Chapter, with_notes: bool) -> PrintedChapter:
    vote = chapter.vote
    fired = (state.fault(name) for name in dict.fromkeys(chapter.injects))
    return PrintedChapter(
        number=number,
        title=chapter.title,
        parts=list_parts(chapter),
        text_format=chapter.format,
        hypothesis=chapter.hypothesis,
        expect=chapter.expect,
        vote=None if vote is None else PrintedVote(vote.question, vote.options, vote.unit),
        actions=chapter.actions,
        faults=tuple(_print_fault(fault) for fault in fired if fault is not None),
        budget_sec=chapter.budget_sec,
        notes=chapter.notes if with_notes else "",
    )


def list_parts(chapter: Chapter) -> tuple[str, ...]:
    """Return the text in its parts; in one where it has columns, because a column may go on in a later part."""
    if chapter.format == "markup":
        return chapter.steps or (chapter.narration,)
    parts = (chapter.narration,) if has_columns(chapter.narration) else chapter.steps or (chapter.narration,)
    return tuple(map(without_code_steps, parts))


def _print_fault(fault: FaultState) -> PrintedFault:
    target = fault.own_target or fault.target
    return PrintedFault(fault.name, fault.config.description, target, duration_in_words(fault.config))


def duration_in_words(config: ChaosConfig) -> str:
    """Return how long a fault lasts as the deck declares it: "for 5 s", "until healed"."""
    seconds = config.duration_sec
    lasts = (
        translate("until healed") if seconds == float("inf") else translate("for %(num)s s", num=number_text(seconds))
    )
    is_burst = config.chaos_type is ChaosType.BURST_TRAFFIC
    return (
        translate("%(num)s times the load, %(lasts)s", num=config.burst_multiplier, lasts=lasts) if is_burst else lasts
    )
