"""SIGINT, SIGTERM and SIGHUP on the running loop; the handlers of before are restored afterwards."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Answer = Callable[[signal.Signals], None]

_handlers: list[Answer] = []


@contextlib.contextmanager
def ending_signals(on_signal: Answer) -> Iterator[None]:
    """Call `on_signal` for each of these signals; of nested blocks the innermost gets them, with no gap between.

    Outside the main thread nothing is installed: Python only allows handlers in the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with contextlib.nullcontext() if _handlers else _catch_signals():
        _handlers.append(on_signal)
        try:
            yield
        finally:
            _handlers.remove(on_signal)


@contextlib.contextmanager
def _catch_signals() -> Iterator[None]:
    loop, before = asyncio.get_running_loop(), {}
    try:
        for number in ENDING:
            previous = signal.getsignal(number)
            # Ignored before we came: nohup started us, and wants us to outlive the terminal.
            if previous is not signal.SIG_IGN:
                loop.add_signal_handler(number, _dispatch, number)
                before[number] = previous
        yield
    finally:
        for number, previous in before.items():
            # This alone would install the default handler, not the one that was there before.
            loop.remove_signal_handler(number)
            signal.signal(number, previous)


def _dispatch(number: signal.Signals) -> None:
    if _handlers:
        _handlers[-1](number)
