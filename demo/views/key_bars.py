"""A limited key as a bar against its limit: what was counted, what was not, and what is over the limit."""

from dataclasses import dataclass

from demo.views.picture import KeyView

LIMIT_AT = 71.4
"""Percent of the bar's width at which the limit stands: what is over it has the rest."""


@dataclass(frozen=True, slots=True)
class DrawnBar:
    """Widths in percent: `counted`, then `missed` (let in, not counted) up to the limit, then `over` it."""

    counted: float
    missed: float
    over: float
    limit: float = LIMIT_AT

    @property
    def over_from(self) -> float:
        return max(self.limit, round(self.counted, 1))


def draw_bar(key: KeyView) -> DrawnBar:
    """Return the parts of a key's bar; a bar that is longer than its box ends there."""
    if not key.limit or key.admitted is None:
        return DrawnBar(0.0, 0.0, 0.0)
    scale = LIMIT_AT / key.limit
    admitted = min(100.0, key.admitted * scale)
    counted = admitted if key.counted is None else min(key.counted * scale, admitted, LIMIT_AT)
    within = min(admitted, LIMIT_AT)
    return DrawnBar(round(counted, 1), round(max(0.0, within - counted), 1), round(max(0.0, admitted - LIMIT_AT), 1))
