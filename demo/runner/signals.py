"""SIGINT, SIGTERM and SIGHUP on the running loop, and the handlers as they were afterwards."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def ending_signals(on_signal: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Call `on_signal` for each of them. Outside the main thread nothing is installed: it cannot be."""
    loop, before = asyncio.get_running_loop(), {}
    try:
        for number in ENDING:
            previous = signal.getsignal(number)
            # Whoever started us with nohup means it.
            if number is signal.SIGHUP and previous is signal.SIG_IGN:
                continue
            with contextlib.suppress(ValueError, RuntimeError):
                loop.add_signal_handler(number, on_signal, number)
                before[number] = previous
        yield
    finally:
        for number, previous in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, previous)
