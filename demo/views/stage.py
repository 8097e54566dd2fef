"""What the audience sees: the story, the system, what is broken, and the whole show as a line."""

from dataclasses import dataclass, replace
from typing import Literal

from demo.narration.page_style import PageStyle
from demo.panels.picture import Panels
from demo.show import ShowState, Verdict
from demo.text_fit.covers import has_few_words
from demo.texts import translate
from demo.views.audience_state import audience_state
from demo.views.ballots import BallotView, TallyView, ballot_view, describe_vote_result, tally_view
from demo.views.banners import BannerView, banners
from demo.views.cards import CardView, cards
from demo.views.countdown import counts_down
from demo.views.curves import TimelineView
from demo.views.evidence import EvidenceView, evidence
from demo.views.health_text import has_system
from demo.views.join import JoinView, join_view, joined_text
from demo.views.panels import PanelsView, panels_view
from demo.views.picture import FigureView, RestView, SystemView, picture
from demo.views.redaction import masked
from demo.views.replay import ReplayMarkView, replay_mark
from demo.views.stage_status import StageStatusView, build_stage_status
from demo.views.verdict import VerdictView, name_verdict, verdict_page

StageMode = Literal["cover", "story", "prediction", "verdict", "evidence"]


@dataclass(frozen=True, slots=True)
class ClaimView:
    """A hypothesis and, once it is known, its verdict. `state` names the mark: starting, up, down, degraded."""

    number: int
    hypothesis: str
    verdict: str = ""
    word: str = ""
    state: str = "starting"


@dataclass(frozen=True, slots=True)
class SegmentView:
    """A chapter on the line at the foot: `state` is past, now or ahead; `faults` counts those injected there.

    `verdict`: the state of the verdict that it brought, and `word` its word; "" without one.
    """

    number: int
    state: str
    faults: int
    verdict: str = ""
    word: str = ""


@dataclass(frozen=True, slots=True)
class StageView:
    """The stage. It has no notes and no errors; for the audience no addresses, either. `…_at` are moments.

    `mode`: what has the body, or the whole stage: `verdict` and `evidence_table` are the contents of two of them.

    `narration` is what is shown on this step; `whole_narration` sizes the letters, so that no step changes them.
    """

    title: str
    description: str
    number: int
    total: int
    step: int
    steps: int
    heading: str
    narration: str
    whole_narration: str
    text_format: str
    key_hint: str
    status: str
    claim: ClaimView | None
    story_claim: ClaimView | None
    evidence: tuple[ClaimView, ...]
    said: str
    said_is_question: bool
    countdown_ends_at: float | None
    cards: tuple[CardView, ...]
    system: SystemView
    figure: FigureView | None
    rest: tuple[RestView, ...]
    timeline: TimelineView
    banners: tuple[BannerView, ...]
    line: tuple[SegmentView, ...]
    freshness: str
    sampled_at: float | None
    has_system: bool
    halted: bool
    blackout: bool
    look: PageStyle
    panels: PanelsView
    has_panels: bool
    has_large_panels: bool
    mode: StageMode
    record: StageStatusView
    verdict: VerdictView | None
    evidence_table: EvidenceView
    ballot: BallotView | None
    tally: TallyView | None
    room: str
    replay: ReplayMarkView | None
    join: JoinView | None = None
    joined: str = ""

    def with_join(self, url: str, watching: int) -> "StageView":
        """Add where the audience opens the stage, "" where it cannot, and how many pages show it."""
        return replace(self, join=join_view(url), joined=joined_text(watching)) if url else self

    @property
    def has_curves(self) -> bool:
        """Return whether curves stand below the picture of the system."""
        return bool(self.timeline.plots)


def stage_view(state: ShowState, private: bool = False, panels: Panels | None = None) -> StageView:
    """Return the stage for this state. `private`: for the presenter's own screen, with nothing masked or frozen."""
    state = state if private else audience_state(state)
    chapter, verdict = state.chapter, verdict_page(state)
    shown = cards(state) if private else tuple(_redact_card(card) for card in cards(state))
    drawn = picture(state, shown)
    return StageView(
        title=state.title,
        description=state.description,
        number=state.number,
        total=state.total,
        step=state.step,
        steps=chapter.step_count,
        heading=chapter.title,
        narration=chapter.text_at(state.step),
        whole_narration=chapter.narration,
        text_format=chapter.format,
        key_hint=chapter.key_hint,
        status=state.action.status,
        claim=standing_claim(state),
        story_claim=_claim_of_story(state),
        evidence=_list_evidence(state) if chapter.shows_evidence else (),
        said=state.said,
        said_is_question=state.said_is_question,
        countdown_ends_at=state.countdown_ends_at,
        cards=shown,
        system=drawn.system,
        figure=drawn.figure,
        rest=drawn.rest,
        timeline=drawn.timeline,
        banners=banners(state, private=True) if private else tuple(_redact_banner(banner) for banner in banners(state)),
        line=_list_segments(state),
        freshness=state.freshness,
        sampled_at=state.sample.updated_at if state.sample else None,
        has_system=has_system(state),
        halted=state.halted,
        blackout=state.blackout,
        look=chapter.style,
        panels=panels_view(chapter, panels, private=private),
        has_panels=panels is not None and bool(chapter.panels),
        has_large_panels=panels is not None and bool(chapter.panels) and chapter.has_large_panels,
        mode=_choose_mode(state, verdict),
        record=build_stage_status(state, private=private),
        verdict=verdict,
        evidence_table=evidence(state) if chapter.shows_evidence else EvidenceView(),
        ballot=ballot_view(state),
        tally=tally_view(state, private=private),
        room=describe_vote_result(state),
        replay=replay_mark(state),
    )


def _choose_mode(state: ShowState, verdict: VerdictView | None) -> StageMode:
    """Return what the stage shows. While something is broken, or about to be, it is always the story and the system."""
    chapter = state.chapter
    if chapter.shows_evidence:
        return "evidence"
    if verdict is not None:
        return "verdict"
    is_quiet = not counts_down(state) and not any(f.is_running or f.awaits_recovery for f in state.faults)
    if chapter.panels or not is_quiet or state.action.status == "running":
        return "story"
    if chapter.hypothesis:
        has_begun = any(span.chapter == state.number for span in state.spans)
        return "story" if has_begun or state.verdicts.get(state.number) else "prediction"
    return "cover" if chapter.style.layout == "cover" or (not chapter.style.layout and _is_cover(state)) else "story"


def _is_cover(state: ShowState) -> bool:
    """Return whether this is a first chapter with only a few words: nothing of it would be lost on a cover."""
    chapter = state.chapter
    # A recorded deck has no actions, but it is known that one was run.
    acts = chapter.on_enter is not None or (state.replay is not None and state.action.run > 0)
    return state.current == 0 and state.total > 1 and not acts and has_few_words(chapter)


def _redact_card(card: CardView) -> CardView:
    """Hide addresses in a node's name, detail and group, which may come from the system.

    The name of a limited key is left: the deck chose it, and it may well be a path such as /login.
    """
    if card.of_key:
        return card
    name, sub, group = masked(card.name), masked(card.sub), masked(card.group)
    return (
        card
        if (name, sub, group) == (card.name, card.sub, card.group)
        else replace(card, name=name, sub=sub, group=group)
    )


def _redact_banner(banner: BannerView) -> BannerView:
    return replace(banner, title=masked(banner.title), text=masked(banner.text))


def standing_claim(state: ShowState) -> ClaimView | None:
    """Return the hypothesis beside the story; None in a chapter that lists all of them."""
    return None if state.chapter.shows_evidence else _make_claim(state, state.hypothesis_number(state.number))


def _claim_of_story(state: ShowState) -> ClaimView | None:
    """Return the prediction that stands beside the story: in its own chapter, and in one that only speaks of it.

    Where it is tested it has its page before and after; there nothing shall move. A chapter after the evidence is calm.
    """
    claim = standing_claim(state)
    if claim is None or any(chapter.shows_evidence for chapter in state.chapters[claim.number : state.current]):
        return None
    was_tested_here = any(span.chapter == state.number for span in state.spans)
    return claim if claim.number == state.number or (claim.word and not was_tested_here) else None


def _make_claim(state: ShowState, number: int | None) -> ClaimView | None:
    if number is None:
        return None
    hypothesis = state.chapters[number - 1].hypothesis
    verdict = state.verdicts.get(number)
    if verdict is None:
        return ClaimView(number, hypothesis)
    word, mark = _name_outcome(verdict)
    return ClaimView(number, hypothesis, verdict.text, word, mark)


def _name_outcome(verdict: Verdict) -> tuple[str, str]:
    if verdict.held is None:
        return translate("Not seen"), "degraded"
    return (translate("Confirmed"), "up") if verdict.held else (translate("Refuted"), "down")


def _list_evidence(state: ShowState) -> tuple[ClaimView, ...]:
    stated = (number for number, chapter in enumerate(state.chapters, 1) if chapter.hypothesis)
    claims = (_make_claim(state, number) for number in stated)
    return tuple(claim for claim in claims if claim is not None)


def _list_segments(state: ShowState) -> tuple[SegmentView, ...]:
    # From the spans, for a fault itself only knows its newest run.
    faults, current = [span.chapter for span in state.spans], state.number
    verdicts = {_chapter_of_verdict(state, number): verdict for number, verdict in state.verdicts.items()}
    return tuple(
        SegmentView(
            number,
            "now" if number == current else "past" if number <= state.reached else "ahead",
            faults.count(number),
            *(name_verdict(verdicts[number])[::-1] if number in verdicts else ()),
        )
        for number in range(1, state.total + 1)
    )


def _chapter_of_verdict(state: ShowState, number: int) -> int:
    """Return the chapter that brought the verdict on prediction `number`: the last one that broke something for it."""
    tested = [s.chapter for s in state.spans if 0 < s.chapter <= state.total]
    found = [chapter for chapter in tested if state.hypothesis_number(chapter) == number]
    return max(found, default=state.verdicts[number].by or number)
