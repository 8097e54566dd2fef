"""The clock of a replay: it shows recorded moments, at the presenter's speed, and stands while the replay waits."""

import time
from collections.abc import Callable

from demo.clock import ShowClock


class ReplayClock(ShowClock):
    """A show's clock whose time is steered. `source` returns seconds that pass evenly.

    It never shows a moment later than `limit`, the moment of the next entry: no age grows beyond what was recorded,
    however late that entry comes.
    """

    def __init__(self, moment: float, source: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._base, self._since = moment, source()
        self.rate = 0.0
        """Recorded seconds that pass in a second; 0 while the clock stands."""
        self.limit = moment
        # Both are the recorded time: dates are those of the recording, and moments are not shifted.
        super().__init__(self._read, self._read, boot="")

    def run(self, rate: float) -> None:
        """Go on from here at `rate` recorded seconds a second."""
        self._base, self._since = self.now(), self._source()
        self.rate = rate

    def stand(self) -> None:
        """Stand still at the moment of now."""
        self.run(0.0)

    def jump(self, moment: float) -> None:
        """Set the clock to another recorded moment, also an earlier one; it stays there until `limit` is set."""
        self._base, self._since = moment, self._source()
        self.limit = moment

    def _read(self) -> float:
        return min(self.limit, self._base + (self._source() - self._since) * self.rate)
