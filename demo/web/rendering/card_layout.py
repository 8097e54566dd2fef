"""The sizes of the story's texts by their length, and names that are cut to fit. Plain data, no markup."""

_NARRATION_STEPS = (190, 300, 430, 600)
_HEADING_STEPS = (34, 64)


def narration_size(*texts: str) -> int:
    """Return the size of the narration's text, 0 (large) to 4, by its length without markup."""
    length = sum(map(len, texts))
    return sum(length > step for step in _NARRATION_STEPS)


def heading_size(title: str) -> int:
    """Return the size of a heading, 0 (large) to 2, by its length."""
    return sum(len(title) > step for step in _HEADING_STEPS)


def shorten_middle(text: str, most: int = 22) -> str:
    """Shorten a text to `most` characters by removing its middle: names usually differ at their ends."""
    if len(text) <= most:
        return text
    tail = (most - 1) * 3 // 5
    return f"{text[: most - 1 - tail]}…{text[-tail:]}"
