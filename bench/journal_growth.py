"""How a journal grows in the hours of a quiet show.

`python -m bench.journal_growth [HOURS] [NODES]` (3 hours of 600 nodes, unless said otherwise). A real journal gets one
sample a second, as fast as the disk takes it, and is thinned as a conductor does. Moments are those of the show, so
three hours take a few minutes. It prints the size of the file after each hour.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from bench.fleet import Fleet
from demo.journal import Journal
from demo.show import events as e
from demo.show.events import JournalEntry
from demo.show.health_sample import read_sample

MB = 1_000_000
HOUR_SEC = 3600
THIN_EACH = 10
"""Samples between two rounds of thinning, as seconds are in a show."""


async def grow(folder: Path, hours: int, nodes: int) -> None:
    """Write the journal and print its sizes."""
    fleet, journal = Fleet(nodes=nodes), Journal(folder / "show.journal")
    began, before, seq = 1_000_000.0, 0, 0
    print(f"{nodes} nodes, one sample a second")
    for hour in range(1, hours + 1):
        started = time.monotonic()
        for _ in range(HOUR_SEC):
            seq += 1
            at = began + seq
            journal.buffer(
                [JournalEntry(seq, at, "poller", e.HealthSampled(read_sample(fleet.health(seq, 1.0), at).raw, at))]
            )
            if seq % THIN_EACH == 0:
                await journal.append(())
                while await journal.thin(at, ()):
                    pass
        size = _size(folder)
        took = time.monotonic() - started
        print(f"  hour {hour}: {size / MB:6.0f} MB, {(size - before) / MB:+6.0f} MB ({took:.0f} s)", flush=True)
        before = size
    await journal.close()


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def main() -> None:
    """Measure in a folder that is removed at the end."""
    hours = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    nodes = int(sys.argv[2]) if len(sys.argv) > 2 else 600
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(grow(Path(folder), hours, nodes))


if __name__ == "__main__":
    main()
