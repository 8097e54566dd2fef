"""What was measured lately, and since a fault began. No I/O."""

from collections import deque
from collections.abc import Iterable

from demo.load.measured import MeasuredRequests

SLICE_SEC = 0.25
RECENT_SEC = 10.0


class Window:
    """Keeps the last `RECENT_SEC` in slices, and all since a moment that was named with `begin`.

    Times are seconds of any clock that runs evenly. A request counts when it has ended.
    """

    def __init__(self) -> None:
        self._slices: deque[tuple[float, MeasuredRequests]] = deque()
        self._since: float | None = None
        self._all_since = MeasuredRequests()

    def at(self, now: float) -> Iterable[MeasuredRequests]:
        """Return all that takes up what is measured now."""
        begun = now - now % SLICE_SEC
        if not self._slices or self._slices[-1][0] < begun:
            self._slices.append((begun, MeasuredRequests()))
            while self._slices[0][0] < begun - RECENT_SEC:
                self._slices.popleft()
        newest = self._slices[-1][1]
        return (newest,) if self._since is None else (newest, self._all_since)

    @property
    def since(self) -> float | None:
        return self._since

    def begin(self, since: float | None) -> None:
        """Also keep all since this moment, a short time ago; None: no longer."""
        self._since, self._all_since = since, MeasuredRequests()
        if since is not None:
            for begun, measured in self._slices:
                if begun >= since:
                    self._all_since.merge(measured)

    def all_since(self) -> MeasuredRequests:
        return self._all_since

    def recent(self, now: float, seconds: float = RECENT_SEC) -> MeasuredRequests:
        """Return what was measured in the last `seconds`, without the slice that has only begun."""
        found = MeasuredRequests()
        newest = now - now % SLICE_SEC
        for begun, measured in self._slices:
            if newest - seconds - 1e-6 <= begun < newest:
                found.merge(measured)
        return found
