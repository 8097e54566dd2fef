"""Shortens texts."""


def shorten_middle(text: str, max_length: int = 22) -> str:
    """Shorten a text to `max_length` characters by removing its middle: names usually differ at their ends."""
    if len(text) <= max_length:
        return text
    tail = (max_length - 1) * 3 // 5
    return f"{text[: max_length - 1 - tail]}…{text[-tail:]}"
