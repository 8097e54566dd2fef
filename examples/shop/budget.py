"""Retries with a budget: never more than one request in ten is tried again."""

import random
import time
from collections.abc import Callable

TRIES = 3
MOST_TOKENS = 3.0


class Budget:
    """Try again after a random pause. Each request adds a tenth of a token, each further try takes a whole one."""

    def __init__(self) -> None:
        self.tokens = MOST_TOKENS

    def __call__(self, ask: Callable[[], str]) -> str:
        self.tokens = min(MOST_TOKENS, self.tokens + 0.1)
        for number in range(TRIES):
            try:
                return ask()
            except OSError:
                if number == TRIES - 1 or self.tokens < 1:
                    raise
            self.tokens -= 1
            time.sleep(random.uniform(0, 0.1 * 2**number))
        raise AssertionError
