"""Texts of a journal for everybody: a report is handed out, the log of a show is not. A safety net, as `masked` is."""

import re

from demo.clean import clean
from demo.views.redaction import MASK, masked

_NAME = r"\w*(?:password|passwd|passphrase|secret|api[_-]?key|credentials?)|(?:\w+[_-])?token|authorization"
_VALUE = r"(?:(?:bearer|basic)\s+)?[\"']?[^\s\"',;]+"
_SECRET = re.compile(
    rf"\b({_NAME})(\s*[=:]\s*|\s+(?=[\"'])){_VALUE}|(?<=-)((?:\w+-)*(?:{_NAME}))(\s+){_VALUE}", re.IGNORECASE
)
"""`password=…`, `token: …`, `Authorization: Bearer …`, `--password …`."""


def made_safe(text: str) -> str:
    """Return a text in one line, without addresses, paths and what looks like a secret."""
    return masked(_SECRET.sub(_mask_value, clean(text)))


def _mask_value(found: re.Match[str]) -> str:
    return f"{found[1] or found[3]}{found[2] or found[4]}{MASK}"
