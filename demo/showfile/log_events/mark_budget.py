"""How many events one source may bring: a few at once, then one every few seconds."""

from dataclasses import dataclass

BURST = 5
REFILL_SEC = 3.0
"""A minute holds 25 marks at most; more of them no axis shows, and no room reads."""

TELL_SEC = 30.0
"""How often it is told how many were left out."""


@dataclass
class MarkBudget:
    """A token bucket. `left_out`: how many events had none since that was told."""

    tokens: float = BURST
    filled_at: float = 0.0
    left_out: int = 0
    told_at: float = 0.0

    def take(self, now: float) -> bool:
        """Return whether one more event may be shown at `now`, in seconds of any clock that goes on."""
        self.tokens = min(BURST, self.tokens + (now - self.filled_at) / REFILL_SEC)
        self.filled_at = now
        if self.tokens < 1:
            self.left_out += 1
            return False
        self.tokens -= 1
        return True

    def take_left_out(self, now: float) -> int:
        """Return how many were left out, once they are to be told; 0 until then."""
        if not self.left_out or now - self.told_at < TELL_SEC:
            return 0
        found, self.left_out, self.told_at = self.left_out, 0, now
        return found
