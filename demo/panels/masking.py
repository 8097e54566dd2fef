"""Removes secrets from a stream of text, also those that are cut in two between one piece of it and the next."""

from collections.abc import Callable, Collection

MASK = "•••"
MIN_MASKED = 3
"""A shorter value would be replaced in words that have nothing to do with it."""


class StreamMask:
    """Masks the values that `secrets` returns. What may be the beginning of one waits for what comes next."""

    def __init__(self, secrets: Callable[[], Collection[str]]) -> None:
        self._secrets = secrets
        self._waiting = ""

    def feed(self, text: str) -> str:
        """Return the text, with what waited before it, as far as it holds no beginning of a secret at its end."""
        values = self.values()
        text = self._waiting + text
        for value in values:
            text = text.replace(value, MASK)
        held = max((_length_of_beginning(text, value) for value in values), default=0)
        self._waiting = text[len(text) - held :]
        return text[: len(text) - held]

    def values(self) -> list[str]:
        """Return the secrets that are masked, the longest first."""
        return sorted({value for value in self._secrets() if len(value) >= MIN_MASKED}, key=len, reverse=True)

    def find(self, text: str) -> list[tuple[int, int]]:
        """Return the places of secrets in a text, each as start and end."""
        found = []
        for value in self.values():
            at = text.find(value)
            while at >= 0:
                found.append((at, at + len(value)))
                at = text.find(value, at + 1)
        return found


def _length_of_beginning(text: str, value: str) -> int:
    """Return how many characters at the end of the text are the beginning of this value, but not all of it."""
    longest = min(len(text), len(value) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(value[:size])), 0)
