"""What a presenter has to know of a recording before it is shown."""

from demo.evidence.recorded_panels import NO_PANELS, RecordedPanels
from demo.evidence.replay_plan import ReplayPlan


def describe_recording(plan: ReplayPlan, panels: RecordedPanels) -> tuple[str, ...]:
    """Return what the presenter has to know of a recording that lacks something."""
    notices = []
    if not plan.decks:
        notices.append("this recording is of an earlier version: it has no texts, only the titles of the chapters")
    if panels.lacks(plan.decks):
        notices.append(NO_PANELS)
    if plan.damage:
        notices.append(f"the recording cannot be read to its end: {plan.damage}; it is played up to there")
    if plan.has_recording:
        notices.append("for a part of that show the screens showed a recording: that is not in this one")
    return tuple(notices)
