"""Browsers of other makers than Chromium's, as WebDriver drives them: what tests ask is the same of each."""

import os
import shutil
from typing import Any, Protocol

import pytest

Actions = list[dict[str, Any]]
"""Input sources and what each does, as WebDriver's Perform Actions takes them."""


class Screen(Protocol):
    """A window with one page."""

    def open(self, url: str) -> None: ...

    def run(self, body: str) -> Any:
        """What this body of a function returns in the page, now or by a promise."""
        ...

    def perform(self, actions: Actions) -> None: ...

    def swipe(self, start: int, end: int) -> None:
        """A finger across the middle, from one x to the other."""
        ...

    def hide(self) -> None:
        """As when another tab is looked at, or the phone is put away."""
        ...

    def unhide(self) -> None: ...

    def picture(self) -> bytes:
        """What is seen, as PNG."""
        ...

    def console_errors(self) -> list[str]:
        """The errors and warnings of its console, and whatever its rules of content refused."""
        ...

    def close(self) -> None: ...


class Engine(Protocol):
    """A running browser."""

    def screen(self, size: tuple[int, int]) -> Screen:
        """Another window, in front of all others, whose page is at least this large."""
        ...

    def close(self) -> None: ...


def require(*names: str, package: str) -> str:
    """Where the first of these is. Absent: skipped on a user's machine, a failure in CI."""
    for name in names:
        if found := shutil.which(name):
            return found
    if os.environ.get("CI"):
        pytest.fail(f"there is no {names[0]}: its tests must run in CI")
    pytest.skip(f"NO {names[0]} FOUND: its tests did not run. Install Debian's {package}")


KEYS = {"PageDown": "\ue00f", "PageUp": "\ue00e", "Enter": "\ue007", "Escape": "\ue00c", "ArrowRight": "\ue014"}
"""What WebDriver calls the keys without a letter."""


def press(screen: Screen, key: str) -> None:
    value = KEYS.get(key, key)
    strokes = [{"type": kind, "value": value} for kind in ("keyDown", "keyUp")]
    screen.perform([{"type": "key", "id": "keyboard", "actions": strokes}])


def click(screen: Screen, selector: str) -> None:
    x, y = screen.run(
        f"const at = document.querySelector({selector!r}).getBoundingClientRect();"
        "return [Math.round(at.x + at.width / 2), Math.round(at.y + at.height / 2)]"
    )
    steps = [{"type": "pointerMove", "x": x, "y": y}, {"type": "pointerDown", "button": 0}]
    steps += [{"type": "pointerUp", "button": 0}]
    screen.perform([{"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": steps}])
