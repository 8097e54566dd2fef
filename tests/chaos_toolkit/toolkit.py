"""The real Chaos Toolkit and its reporting plugin, as programs of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

CHAOS = Path(sys.executable).with_name("chaos")

REPORT = """\
import json, sys
from chaosreport import generate_report, generate_report_header
header = generate_report_header([sys.argv[1]], sys.argv[2])
with open(sys.argv[1]) as file:
    print(header + generate_report(json.load(file), sys.argv[2]))
"""


def validate(experiment: Any, folder: Path, **environ: str) -> str:
    """Return what `chaos validate` says; "" if it accepts the experiment."""
    (folder / "validated.json").write_text(json.dumps(experiment))
    done = subprocess.run(
        [CHAOS, "--no-version-check", "--log-file", str(folder / "chaos.log"), "validate", "validated.json"],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def report(journal: Path, kind: str) -> str:
    """Return the report that the plugin makes of a journal, as the Markdown that it hands to Pandoc."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT, str(journal), kind], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
