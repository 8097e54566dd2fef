"""The report of a show that is played now. What makes it is imported when it is asked for: no start waits for it."""

from pathlib import Path

from demo.web.routes.report_page import ServedReport


def make_served_report(path: Path) -> ServedReport:
    """Return the report of the show of this journal, as far as it has come. Raises `JournalError`."""
    from demo.evidence.report_page import content_policy  # noqa: PLC0415
    from demo.evidence.reports import make_report  # noqa: PLC0415

    return ServedReport(make_report([path], "html").text, content_policy())
