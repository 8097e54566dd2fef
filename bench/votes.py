"""A hall votes while thousands watch: are all votes counted, and does the presenter wait for them?

`python -m bench.votes [--streams 5000] [--votes 5000] [--seconds 10] [--rounds 2]`

In turns in one run: the presenter's POSTs with streams open, and the same while the hall votes. Each vote is a new
connection, as a phone's may be, from a process of its own; only what stands in one run may be compared.
"""

import argparse
import asyncio
import http.client
import json
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench.crowd import Crowd, Target, compiled, require_files
from tests.support.servers import Server, serving

ROOT = Path(__file__).parent.parent
SHOW = str(ROOT / "tests" / "support" / "voting_show.md")
PRESS_EVERY_SEC = 0.25
COUNT_TIMEOUT_SEC = 60.0
VOTE_TIMEOUT_SEC = 60.0
POST_TIMEOUT_SEC = 120.0


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.votes", description=__doc__)
    for name, default in (("streams", 5000), ("votes", 5000), ("seconds", 10), ("rounds", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args(arguments)
    require_files(asked.streams)
    with tempfile.TemporaryDirectory() as place, serving(SHOW) as server:
        server.client.post("/goto/2")
        with Crowd(compiled("crowd", Path(place)), Target(server.port)) as crowd:
            crowd.open(asked.streams, 1000)
            crowd.until_live(asked.streams, 120)
            _play(server, asked)
            status = crowd.status()
        print(f"streams open at the end  {status.live:,} of {asked.streams:,}")


def _play(server: Server, asked: argparse.Namespace) -> None:
    quiet: list[float] = []
    voted: list[float] = []
    took: list[float] = []
    failed: Counter[str] = Counter()
    presenter = Presenter(server.port)
    presenter.press(2.0)  # what runs for the first time is slower
    for number in range(asked.rounds):
        quiet += presenter.press(asked.seconds)
        share = asked.votes // asked.rounds + (asked.votes % asked.rounds if number == 0 else 0)
        # As many a second as if all came in one round.
        seconds = asked.seconds * share / asked.votes
        hall = subprocess.Popen(
            [sys.executable, "-m", "bench.votes", "hall", str(server.port), str(share), str(seconds)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        while hall.poll() is None:
            voted += presenter.press(0.5)
        answered, refused = json.loads(hall.communicate()[0])
        took += answered
        failed.update(refused)
    state = server.until(lambda state: state["ballots"][0]["votes"] >= len(took), COUNT_TIMEOUT_SEC)
    counted = state["ballots"][0]["votes"]
    print(f"votes answered, counted  {len(took):,} of {asked.votes:,}, {counted:,}")
    if failed:
        print(f"votes that failed        {dict(failed)}")
    print(f"a vote until its answer  p50 {_ms(took, 0.5)}, p99 {_ms(took, 0.99)}, worst {_ms(took, 1.0)}")
    print(f"presenter's POST without p50 {_ms(quiet, 0.5)}, p99 {_ms(quiet, 0.99)} ({len(quiet)} presses)")
    print(f"presenter's POST with    p50 {_ms(voted, 0.5)}, p99 {_ms(voted, 0.99)} ({len(voted)} presses)")
    ratio = share_of(voted, 0.99) / share_of(quiet, 0.99)
    print(f"p99 with / without       {ratio:.2f}")


class Presenter:
    """Presses on one connection that stays, as the presenter's page does."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=POST_TIMEOUT_SEC)
        self._number = 0

    def press(self, seconds: float) -> list[float]:
        """Send POSTs for so long; return how long each took, in seconds."""
        found, ends = [], time.monotonic() + seconds
        while time.monotonic() < ends:
            self._number += 1
            began = time.monotonic()
            headers = {"Content-Type": "text/plain"}
            self._connection.request("POST", "/say", body=f"line {self._number}", headers=headers)
            answer = self._connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
            found.append(time.monotonic() - began)
            time.sleep(PRESS_EVERY_SEC)
        return found


def share_of(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else statistics.fmean([0.0])


def _ms(values: Sequence[float], share: float) -> str:
    return f"{share_of(values, share) * 1000:.3g} ms"


async def vote_all(port: int, votes: int, seconds: float) -> tuple[list[float], dict[str, int]]:
    """Send votes evenly over the time, each of another device.

    Return how long each took until its answer, and how many failed, by what was answered instead.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    took: list[float] = []
    failed: Counter[str] = Counter()

    async def vote(number: int) -> None:
        await asyncio.sleep(began + seconds * number / votes - loop.time())
        sent_at = loop.time()
        body = json.dumps({"choice": 1 + number % 3, "device": secrets.token_hex(16)}).encode()
        head = (
            f"POST /vote HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n"
            f"Content-Type: application/json\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(VOTE_TIMEOUT_SEC):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(head.encode() + body)
                answer = await reader.read()
        except (OSError, TimeoutError) as error:
            failed[repr(error)] += 1
            return
        writer.close()
        if answer.startswith(b"HTTP/1.1 200 "):
            took.append(loop.time() - sent_at)
        else:
            failed[answer.partition(b"\r\n")[0].decode()] += 1

    await asyncio.gather(*(vote(number) for number in range(votes)))
    return took, dict(failed)


if __name__ == "__main__":
    if sys.argv[1:2] == ["hall"]:
        print(json.dumps(asyncio.run(vote_all(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))))
    else:
        main()
