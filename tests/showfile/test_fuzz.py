"""A bounded run of the fuzzer guided by coverage; `python -m bench.fuzz_by_coverage` runs as long as you like."""

import importlib.util
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HAS_WHEEL = sys.version_info < (3, 14) and sys.platform == "linux" and platform.machine() == "x86_64"


def test_no_input_that_reaches_new_code_fails(tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        assert not HAS_WHEEL, "atheris is not installed: call scripts/setup dev"
        pytest.skip("NOT TRIED: there is no atheris for this Python and system")
    options = ("-runs=1000", "-seed=1", f"-artifact_prefix={tmp_path}/")
    command = [sys.executable, "-m", "bench.fuzz_by_coverage", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    # libFuzzer also counts the inputs it begins with and repeats: a few more than asked for.
    runs = re.search(r"Done (\d+) runs", done.stderr)
    assert runs is not None, done.stderr[-4000:]
    assert int(runs[1]) >= 1000
