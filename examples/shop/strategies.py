"""Five ways to call a service that may be slow or gone. `ask(timeout)` calls it once, and raises `OSError`."""

import random
import time
from collections.abc import Callable
from contextlib import suppress

TIMEOUT_SEC = 0.5
TRIES = 3

Ask = Callable[[float | None], str]


def patient(ask: Ask) -> str:
    """Wait for as long as it takes."""
    return ask(None)


def timeout(ask: Ask) -> str:
    """Give up after half a second."""
    return ask(TIMEOUT_SEC)


def retry(ask: Ask) -> str:
    """Give up after half a second, and try again at once: three times in all."""
    for _ in range(TRIES - 1):
        with suppress(OSError):
            return ask(TIMEOUT_SEC)
    return ask(TIMEOUT_SEC)


class Budget:
    """Try again after a random pause, but at most one request in ten: each adds a tenth of a try."""

    tokens = 3.0

    def __call__(self, ask: Ask) -> str:
        self.tokens = min(3.0, self.tokens + 0.1)
        for number in range(TRIES):
            try:
                return ask(TIMEOUT_SEC)
            except OSError:
                if number == TRIES - 1 or self.tokens < 1:
                    raise
                self.tokens -= 1
                time.sleep(random.uniform(0, 0.1 * 2**number))
        raise AssertionError


class Breaker:
    """After five failures in a row ask nobody for a second; then one request tries whether it is back."""

    failures, open_until = 0, 0.0

    def __call__(self, ask: Ask) -> str:
        now = time.monotonic()
        if now < self.open_until:
            raise ConnectionError("not asked")
        if self.failures >= 5:
            self.open_until = now + 1.0
        try:
            answer = ask(TIMEOUT_SEC)
        except OSError:
            self.failures += 1
            raise
        self.failures = 0
        self.open_until = 0.0
        return answer


STRATEGIES: dict[str, Callable[[Ask], str]] = {
    "patient": patient,
    "timeout": timeout,
    "retry": retry,
    "budget": Budget(),
    "breaker": Breaker(),
}
