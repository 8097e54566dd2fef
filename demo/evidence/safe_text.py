"""Texts of a journal for everybody: a report is handed out, the log of a show is not. A safety net, as `masked` is."""

from demo.clean import clean
from demo.views.redaction import masked, without_named_secrets


def sanitize_for_report(text: str) -> str:
    """Return a text in one line, without addresses, paths and what looks like a secret."""
    return masked(without_named_secrets(clean(text)))
