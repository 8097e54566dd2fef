"""Node and npm packages: those of tests/support/clients or linters, installed when a test first asks for them."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

CLIENTS = Path(__file__).parent / "clients"
LINTERS = Path(__file__).parent / "linters"

INSTALL = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]


def require_node(packages: Path = CLIENTS) -> str:
    """The path of Node, these packages in place. Absent: skipped on a user's machine, a failure in CI."""
    node = shutil.which("node") or shutil.which("nodejs")
    if node is None or shutil.which("npm") is None:
        if os.environ.get("CI"):
            pytest.fail("there is no Node with npm: the tests of npm's clients and linters must run in CI")
        pytest.skip("NOT TRIED: there is no Node with npm, for npm's clients, proxy and linters")
    with (packages / ".install.lock").open("w") as lock:  # Two files of tests may want them in the same moment.
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp, wanted = packages / "node_modules" / ".installed", (packages / "package.json").read_text()
        if not stamp.exists() or stamp.read_text() != wanted:
            done = subprocess.run(INSTALL, check=False, cwd=packages, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, done.stdout + done.stderr
            stamp.write_text(wanted)
    return node


def node_version() -> int:
    """The major one."""
    said = subprocess.run([require_node(), "--version"], capture_output=True, text=True, check=True).stdout
    return int(said.lstrip("v").partition(".")[0])
