"""Which event loop this program runs in: uvloop's, where there is one."""

import asyncio
from collections.abc import Callable


def choose_loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes an event loop; None for Python's own."""
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop
