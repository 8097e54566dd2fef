"""The keyboard: prompt_toolkit's input layer in raw mode on the running loop, as named keys."""

import asyncio
import contextlib
import re
import select
import termios
from collections.abc import Callable, Iterable, Iterator

from prompt_toolkit.input import Input, create_input
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

FLUSH_SEC = 0.1
"""An escape byte is the Esc key when nothing has followed it for this long."""

GONE = "gone"
"""Not a key: the terminal has closed."""

WHEEL = "wheel"
"""Not a key: the terminal's answer that its mouse wheel sends arrow keys."""

_NAMES: dict[str, str] = {
    " ": "space",
    Keys.ControlM: "enter",
    Keys.ControlJ: "enter",
    Keys.Right: "right",
    Keys.Left: "left",
    Keys.Up: "up",
    Keys.Down: "down",
    Keys.PageDown: "pgdn",
    Keys.PageUp: "pgup",
    Keys.Home: "home",
    Keys.End: "end",
    Keys.ControlH: "backspace",
    Keys.ControlC: "ctrl-c",
    Keys.ControlL: "ctrl-l",
    Keys.Escape: "esc",
}
_EXTRA_SEQUENCES = {
    "32;2u": "shift-space",
    "27;2;32~": "shift-space",
    "13u": "enter",
    "27u": "esc",
    "127u": "backspace",
}
_EXTRA_SEQUENCES |= {"99;5u": "ctrl-c", "?1007;1$y": WHEEL}
"""Keys as newer terminals send them (CSI u, modifyOtherKeys), and an answer: prompt_toolkit does not know these."""


class Decoder:
    """Turns prompt_toolkit's key presses into names of keys.

    prompt_toolkit hands over an escape sequence that it does not know letter by letter, and one of
    these letters might heal or halt: here the whole sequence is dropped. So is Alt with a key.
    """

    def __init__(self) -> None:
        self._sequence: str | None = None

    def feed(self, presses: Iterable[KeyPress]) -> Iterator[str]:
        """Yield the names of the keys that are complete."""
        for press in presses:
            key = str(press.key.value if isinstance(press.key, Keys) else press.key)
            if self._sequence is not None:
                yield from self._continue_sequence(key)
            elif key == Keys.Escape.value:
                self._sequence = ""
            else:
                yield from self._translate(key)

    def flush(self) -> Iterator[str]:
        """Yield `esc` if an escape byte is all that has come, and drop a sequence that was never completed."""
        if self._sequence == "":
            yield "esc"
        self._sequence = None

    def _continue_sequence(self, key: str) -> Iterator[str]:
        assert self._sequence is not None
        if self._sequence == "":
            self._sequence = key if key in ("[", "O") else None
            if key == Keys.Escape.value:
                self._sequence = ""
                yield "esc"
            return
        self._sequence += key
        if not re.fullmatch("[0-?]*[ -/]*", key):
            found, self._sequence = _EXTRA_SEQUENCES.get(self._sequence[1:]), None
            if found:
                yield found

    def _translate(self, key: str) -> Iterator[str]:
        name = _NAMES.get(key)
        if name:
            yield name
        elif len(key) == 1 and key.isprintable():
            yield key.lower()


@contextlib.contextmanager
def keyboard(on_key: Callable[[str], None]) -> Iterator[None]:
    """Read the keyboard in raw mode and pass each key's name, or GONE, to `on_key`; restore its mode on the way out."""
    loop = asyncio.get_running_loop()
    source, decoder = create_input(), Decoder()
    timer: asyncio.TimerHandle | None = None

    def flush() -> None:
        for name in (*decoder.feed(source.flush_keys()), *decoder.flush()):
            on_key(name)

    def ready() -> None:
        nonlocal timer
        if timer:
            timer.cancel()
        presses = source.read_keys()
        for name in decoder.feed(presses):
            on_key(name)
        timer = loop.call_later(FLUSH_SEC, flush)
        if not presses and _has_hung_up(source):
            # A terminal that has closed counts as readable for ever, and would keep the loop busy.
            loop.remove_reader(source.fileno())
            on_key(GONE)

    with source.raw_mode():
        # Keys typed before the screen was painted are not meant for the show, and those at its end not for the shell.
        _discard_typed(source)
        try:
            with source.attach(ready):
                yield
        finally:
            if timer:
                timer.cancel()
            _discard_typed(source)


def _discard_typed(source: Input) -> None:
    with contextlib.suppress(termios.error):
        termios.tcflush(source.fileno(), termios.TCIFLUSH)


def _has_hung_up(source: Input) -> bool:
    """Return whether the terminal has closed: its reads then fail for ever, which prompt_toolkit takes for no input."""
    poll = select.poll()
    poll.register(source.fileno(), select.POLLIN)
    gone = select.POLLHUP | select.POLLERR | select.POLLNVAL
    return source.closed or any(events & gone for _, events in poll.poll(0))
