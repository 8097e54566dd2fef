"""The findings as lines for people and as JSON for programs."""

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field

from rich.console import Console
from rich.text import Text

from demo.clean import clean
from demo.findings import Finding

MARKS = {"ok": "ok", "no": "no", "maybe": "?"}
STYLES = {"ok": "green", "no": "bold red", "maybe": "yellow"}
MACHINE = "this machine"
MAX_WIDTH = 20
"""Of the column that says what was checked; the name of an image is longer, and sticks out."""


@dataclass
class Report:
    """Findings with the subject they belong to ("" for the machine's own). `hangs`: a check never returned."""

    findings: list[tuple[str, Finding]] = field(default_factory=list)
    hangs: bool = False

    def add(self, subject: str, found: Iterable[Finding]) -> None:
        self.findings += [(subject, finding) for finding in found]

    @property
    def is_ok(self) -> bool:
        """Nothing is `no`."""
        return all(finding.verdict != "no" for _, finding in self.findings)

    def lines(self) -> Iterator[Text]:
        """Yield a heading for each subject, and below it a line for each finding."""
        width = min(MAX_WIDTH, max((len(_clean_spaces(finding.what)) for _, finding in self.findings), default=0))
        heading = None
        for subject, finding in self.findings:
            if subject != heading:
                heading = subject
                yield Text(f"{_clean_spaces(subject) or MACHINE}:", "bold")
            yield _format_line(finding, width)

    def print(self, as_json: bool) -> None:
        """Print the report to stdout: in colour on a terminal, plain elsewhere."""
        if as_json:
            print(self.as_json())
        else:
            console = Console(highlight=False, soft_wrap=True)
            for line in self.lines():
                console.print(line)
        sys.stdout.flush()

    def as_json(self) -> str:
        rows = [{"subject": subject or None, **asdict(finding)} for subject, finding in self.findings]
        return json.dumps({"ok": self.is_ok, "findings": rows}, indent=2)


def _format_line(finding: Finding, width: int) -> Text:
    line = Text()
    line.append(f"{MARKS[finding.verdict]:<2}", STYLES[finding.verdict])
    message = f"{finding.found}: {finding.remedy}" if finding.remedy else finding.found
    line.append(f"  {_clean_spaces(finding.what):<{width}}  {_clean_spaces(message)}")
    return line


def _clean_spaces(text: str) -> str:
    return " ".join(clean(text).split())
