"""What the stage shows, read from its page as a server sends it."""

import re

_MARK = r"(?:<svg.*?</svg>)?"


def verdicts(page: str) -> list[str]:
    """Return the words of the verdicts: those of the table of evidence, or the one that has the stage to itself."""
    listed = re.findall(rf'<span class="is \w+">{_MARK}([\w ]+)</span>', page)
    return listed or re.findall(rf'<h1 class="ruling">{_MARK}([\w ]+)</h1>', page)
