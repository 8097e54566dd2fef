"""What the examination found, as lines for people and as JSON for programs."""

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
"""Of the column of what was looked at; an image's name is longer, and stands out."""


@dataclass
class Report:
    """Findings by the subject they belong to; the machine's under no name. `hangs`: a check was left behind."""

    findings: list[tuple[str, Finding]] = field(default_factory=list)
    hangs: bool = False

    def add(self, subject: str, found: Iterable[Finding]) -> None:
        self.findings += [(subject, finding) for finding in found]

    @property
    def is_ok(self) -> bool:
        """Nothing is `no`."""
        return all(finding.verdict != "no" for _, finding in self.findings)

    def lines(self) -> Iterator[Text]:
        """A heading for each subject, then a line a finding."""
        width = min(MAX_WIDTH, max((len(_plain(finding.what)) for _, finding in self.findings), default=0))
        heading = None
        for subject, finding in self.findings:
            if subject != heading:
                heading = subject
                yield Text(f"{_plain(subject) or MACHINE}:", "bold")
            yield _line(finding, width)

    def print(self, as_json: bool) -> None:
        """To stdout: coloured on a terminal, plain elsewhere."""
        if as_json:
            print(self.as_json())
        else:
            console = Console(highlight=False, soft_wrap=True)
            for line in self.lines():
                console.print(line)
        sys.stdout.flush()

    def as_json(self) -> str:
        told = [{"subject": subject or None, **asdict(finding)} for subject, finding in self.findings]
        return json.dumps({"ok": self.is_ok, "findings": told}, indent=2)


def _line(finding: Finding, width: int) -> Text:
    line = Text()
    line.append(f"{MARKS[finding.verdict]:<2}", STYLES[finding.verdict])
    said = f"{finding.found}: {finding.remedy}" if finding.remedy else finding.found
    line.append(f"  {_plain(finding.what):<{width}}  {_plain(said)}")
    return line


def _plain(text: str) -> str:
    return " ".join(clean(text).split())
