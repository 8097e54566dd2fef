"""Read arbitrary and damaged show files for a number of seconds; whatever fails is printed and kept.

`python -m bench.fuzz_show_files 60 [--seed N] [--keep FOLDER]`. Reading must never raise or take long, whatever the
text is, and every problem has to lie inside the file. Prints how many texts were read, and the slowest.
"""

import argparse
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.showfile.decks import FRAGMENTS, GOOD_DECKS, OTHER_FILES, check_reading

SLOW_SEC = 1.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", type=float, nargs="?", default=30.0)
    parser.add_argument(
        "--seed", type=int, default=None, help="of the random numbers; printed, so that a run can be repeated"
    )
    parser.add_argument("--keep", type=Path, default=None, help="where texts that failed are written")
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(2**32)
    chance = random.Random(seed)
    keep = args.keep or Path(tempfile.mkdtemp(prefix="fuzz_show_files."))
    print(f"seed {seed}", flush=True)
    read, failed, slowest = 0, 0, 0.0
    end = time.monotonic() + args.seconds
    while time.monotonic() < end:
        text = make_text(chance)
        began = time.process_time()
        try:
            check_reading(text, OTHER_FILES)
        except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
            failed += 1
            _keep(keep, f"failed-{failed}", text)
            traceback.print_exc()
        took = time.process_time() - began
        if took > SLOW_SEC:
            failed += 1
            _keep(keep, f"slow-{failed}", text)
        read, slowest = read + 1, max(slowest, took)
        if failed >= 10:
            break
    print(f"{read} texts read, {failed} failed, the slowest in {slowest * 1000:.0f} ms")
    return 1 if failed else 0


def make_text(chance: random.Random) -> str:
    """Return a good deck that was damaged in a few places, or a heap of fragments."""
    if chance.random() < 0.3:
        return "".join(chance.choice(FRAGMENTS) for _ in range(chance.randrange(60)))
    text = chance.choice(GOOD_DECKS)
    for _ in range(chance.randrange(1, 8)):
        text = damage(text, chance)
    return text


def damage(text: str, chance: random.Random) -> str:
    """Delete, repeat, exchange or insert something; sometimes very often."""
    first = chance.randrange(len(text) + 1)
    last = min(len(text), first + chance.choice([1, 1, 3, 10, 100]))
    match chance.randrange(6):
        case 0:
            return text[:first] + text[last:]
        case 1:
            return text[:last] + text[first:last] * chance.choice([1, 2, 100]) + text[last:]
        case 2:
            return text[:first] + chance.choice(FRAGMENTS) + text[last:]
        case 3:
            return text[:first] + chance.choice(FRAGMENTS) * chance.choice([1, 1, 1, 300]) + text[first:]
        case 4:
            lines = text.split("\n")
            chance.shuffle(lines)
            return "\n".join(lines)
        case _:
            return text[:first] + chr(chance.choice([0, 9, 13, 0x85, 0x2028, 0xFEFF, 0xD800, 0x1F600])) + text[first:]


def _keep(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.md"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    print(f"kept as {path}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
