"""Five ways to call a service that may be slow or gone. `ask(timeout)` calls it once, and raises `OSError`."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from breaker import Breaker
from budget import Budget

TIMEOUT_SEC = 0.5
TRIES = 3

Ask = Callable[[float | None], str]
BUDGET, BREAKER = Budget(), Breaker()


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


def budget(ask: Ask) -> str:
    """Try again for one request in ten."""
    return BUDGET(partial(ask, TIMEOUT_SEC))


def breaker(ask: Ask) -> str:
    """Ask nobody for a second after five failures in a row."""
    return BREAKER(partial(ask, TIMEOUT_SEC))


STRATEGIES: dict[str, Callable[[Ask], str]] = {
    "patient": patient,
    "timeout": timeout,
    "retry": retry,
    "budget": budget,
    "breaker": breaker,
}
