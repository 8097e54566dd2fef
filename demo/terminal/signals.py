"""SIGINT, SIGTERM and SIGHUP on the running loop, and the handlers as they were afterwards."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Answer = Callable[[signal.Signals], None]

_answers: list[Answer] = []


@contextlib.contextmanager
def ending_signals(on_signal: Answer) -> Iterator[None]:
    """Call `on_signal` for each of them; one such block inside another takes over, and gives back without a gap.

    Outside the main thread nothing is installed: it cannot be.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with contextlib.nullcontext() if _answers else _caught():
        _answers.append(on_signal)
        try:
            yield
        finally:
            _answers.remove(on_signal)


@contextlib.contextmanager
def _caught() -> Iterator[None]:
    loop, before = asyncio.get_running_loop(), {}
    try:
        for number in ENDING:
            previous = signal.getsignal(number)
            # Whoever started us with nohup means it.
            if previous is not signal.SIG_IGN:
                loop.add_signal_handler(number, _answer, number)
                before[number] = previous
        yield
    finally:
        for number, previous in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, previous)


def _answer(number: signal.Signals) -> None:
    if _answers:
        _answers[-1](number)
