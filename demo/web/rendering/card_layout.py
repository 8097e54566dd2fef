"""Names that are cut to fit. Plain data, no markup."""


def shorten_middle(text: str, most: int = 22) -> str:
    """Shorten a text to `most` characters by removing its middle: names usually differ at their ends."""
    if len(text) <= most:
        return text
    tail = (most - 1) * 3 // 5
    return f"{text[: most - 1 - tail]}…{text[-tail:]}"
