"""View models: a `ShowState` as the screens show it. Frozen and without markup; Jinja and Rich render the same ones."""

from demo.views.banners import BannerView
from demo.views.cards import CardView, number_text
from demo.views.curves import PlotView, TimelineView
from demo.views.groups import GroupView, groups, listed
from demo.views.presenter import FaultView, PresenterView, RemoteView, presenter_view, remote_view
from demo.views.stage import ClaimView, SegmentView, StageView, stage_view
from demo.views.state_json import snapshot
from demo.views.timer import TimerView, clock_text, pace_text, timer_view

__all__ = [
    "BannerView",
    "CardView",
    "ClaimView",
    "FaultView",
    "GroupView",
    "PlotView",
    "PresenterView",
    "RemoteView",
    "SegmentView",
    "StageView",
    "TimelineView",
    "TimerView",
    "clock_text",
    "groups",
    "listed",
    "number_text",
    "pace_text",
    "presenter_view",
    "remote_view",
    "snapshot",
    "stage_view",
    "timer_view",
]
