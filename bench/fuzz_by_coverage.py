"""Fuzz the reader of show files and of conditions, guided by coverage.

`python -m bench.fuzz_by_coverage -max_total_time=600 [FOLDER]`: libFuzzer's options, and a folder where inputs that
reach new code are kept. Begins with good decks and good conditions. Reading must never raise or take long, and every
problem has to lie inside the file. What fails is written to a file, which is named, and can be given instead of FOLDER
to repeat it.
"""

import contextlib
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["demo.showfile", "demo.conditions"]):
    from demo.conditions import ConditionError, parse
    from tests.showfile.decks import FRAGMENTS, GOOD_DECKS, OTHER_FILES, check_reading

SLOW_SEC = 10
MAX_BYTES = 20_000


def read(data: bytes) -> None:
    """Read bytes as a condition if they begin with `?`, else as a show file."""
    text = data.decode("utf-8", "replace")
    if text.startswith("?"):
        with contextlib.suppress(ConditionError):
            parse(text[1:])
    else:
        check_reading(text, OTHER_FILES)


def _write_seeds(folder: Path) -> None:
    for number, text in enumerate((*GOOD_DECKS, *FRAGMENTS)):
        (folder / f"deck-{number}").write_bytes(text.encode("utf-8", "replace"))
    for number, text in enumerate(("redis is up", "p(95) < 200ms for 3s", "count(members.role == leader) == 1")):
        (folder / f"condition-{number}").write_text(f"?{text}")


def main() -> None:
    """Run until an input fails, or for as long as the options say."""
    with tempfile.TemporaryDirectory(prefix="fuzz-seeds-") as seeds:
        _write_seeds(Path(seeds))
        options, places = [word for word in sys.argv if word.startswith("-")], sys.argv[1:]
        folders = [word for word in places if not word.startswith("-")]
        repeats = bool(folders) and Path(folders[0]).is_file()
        given = [sys.argv[0], f"-timeout={SLOW_SEC}", f"-max_len={MAX_BYTES}", *options, *folders]
        atheris.Setup(given if repeats else [*given, seeds], read)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
