"""A circuit breaker: a service that has failed five times in a row is left alone for a second."""

import time
from collections.abc import Callable

MOST_FAILURES = 5
OPEN_SEC = 1.0


class Breaker:
    """While the circuit is open, requests fail at once. Then one of them tries whether the service is back."""

    def __init__(self) -> None:
        self.failures, self.open_until = 0, 0.0

    def __call__(self, ask: Callable[[], str]) -> str:
        now = time.monotonic()
        if now < self.open_until:
            raise ConnectionError("not asked")
        if self.failures >= MOST_FAILURES:
            self.open_until = now + OPEN_SEC
        try:
            answer = ask()
        except OSError:
            self.failures += 1
            raise
        self.failures, self.open_until = 0, 0.0
        return answer
