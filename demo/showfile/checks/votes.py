"""Checks of votes: that there is something to vote on, that it can be answered, and that there is time to."""

from demo.ballots.vote import Vote
from demo.errors import InvalidValue
from demo.showfile.chapter_vote import vote_of
from demo.showfile.checks.places import Checked, CheckedChapter, unknown
from demo.showfile.quantities import describe_duration
from demo.showfile.schema.chapters import Step, VoteSettings

LEAST_SEC = 8.0
"""A vote that is closed sooner after its opening is one that hardly anybody can take part in."""


def check_votes(checked: Checked) -> None:
    has_hypothesis = False
    for chapter in checked.chapters:
        has_hypothesis = has_hypothesis or bool(chapter.settings.hypothesis)
        if chapter.settings.vote:
            _check_vote(chapter, has_hypothesis=has_hypothesis)
            _check_time(chapter)


def _check_vote(chapter: CheckedChapter, *, has_hypothesis: bool) -> None:
    block, vote = chapter.block, chapter.settings.vote
    written = vote if isinstance(vote, VoteSettings) else VoteSettings()
    if written.question is None and not chapter.settings.hypothesis:
        text = "vote needs a question, or a hypothesis in this chapter: what is to be voted on?"
        block.error(("vote",), text, at_key=True)
        return
    options = written.options or Vote().options
    if written.predicted is not None and written.predicted not in options and not written.asks_number:
        block.error(("vote", "predicted"), unknown("option", written.predicted, options))
    elif written.predicted is not None and not has_hypothesis:
        block.error(
            ("vote", "predicted"), "predicted needs a hypothesis, here or in a chapter before: its verdict decides"
        )
    else:
        try:
            vote_of(chapter.settings)
        except InvalidValue as error:
            block.error(("vote",), str(error), at_key=True)


def _check_time(chapter: CheckedChapter) -> None:
    """Warn of a fault that closes the vote of its own chapter right after it was opened."""
    passed = 0.0
    for step in chapter.settings.on_enter:
        if not isinstance(step, Step) or step.wait_until is not None:
            return
        if step.fault is not None:
            break
        passed += (step.wait or 0.0) + (step.countdown or 0.0)
    else:
        return
    if passed < LEAST_SEC:
        text = (
            f"this chapter's own fault closes the vote {describe_duration(passed) if passed else '0s'} after it opens: "
            "put the vote into the chapter before"
        )
        chapter.block.warning(("vote",), text, at_key=True)
