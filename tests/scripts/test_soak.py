"""`scripts/soak` at a small scale: the real server holds its bounds, and a server with a flaw is found out."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bench.crowd import compiled
from bench.phases import Plan, churn, steady
from bench.soak import Served, standing
from bench.stand import Stand
from bench.verdict import Check, Sample, memory, slope_kb_min
from tests.support.servers import Server, serving

SHORT = Plan(minutes=1.2 / 60, churn=600, churn_minutes=1.0 / 60)
TIMED = ("the presenter's POST", "the others' p99")
"""What a busy machine may spoil: it is judged by a test with a server that is slow on purpose."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled("crowd", tmp_path_factory.mktemp("crowd"))


@contextmanager
def faulty(flaw: str) -> Iterator[Server]:
    with serving(program=[sys.executable, "-m", "tests.support.broken_sse_server", flaw]) as server:
        yield server


@contextmanager
def before(client: Path, flaw: str) -> Iterator[Stand]:
    with faulty(flaw) as server, standing(client, Served(server.process.pid, server.port), 10, 10) as stand:
        yield replace(stand, patience_sec=1)


def soak(*args: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.soak", "--warm-up", "20", *args],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def failed(checks: list[Check]) -> set[str]:
    return {check.what for check in checks if check.ok is False and not check.what.startswith(TIMED)}


def test_the_real_server_holds_with_fifty_listeners_that_stay_come_back_and_come_and_go() -> None:
    small = ["--streams", "50", "--hz", "5", "--minutes", "0.05", "--churn", "1200", "--churn-minutes", "0.03"]
    _, said = soak(*small, "--only", "steady", "--only", "reconnect", "--only", "churn", "--json")
    checks = [Check(**one) for one in json.loads(said)["checks"]]
    assert {check.phase for check in checks} == {"steady", "reconnect", "churn"}
    assert not failed(checks), said
    last = [check for check in checks if check.what == "everyone ends on the newest state"]
    assert len(last) == 3
    assert all(check.measured.startswith("50 of 50 have the last round, 50 hold ") for check in last)


def test_readers_that_stall_are_skipped_and_catch_up() -> None:
    _, said = soak("--streams", "30", "--hz", "10", "--only", "stalled", "--pairs", "1", "--window", "0.5", "--json")
    checks = [Check(**one) for one in json.loads(said)["checks"]]
    assert not failed(checks), said
    stalls = next(check for check in checks if check.what == "stalled readers")
    assert stalls.ok
    assert stalls.measured.startswith("3 of 3 stalls ended with a skip or a cut")


@pytest.mark.parametrize(
    ("flaw", "said"),
    [
        ("none", "0 skipped and caught up"),
        ("drips", "0 rounds lost"),
        ("skips", "[1-9] skipped and caught up"),
        ("ends", "[1-9] ended in order and opened again"),
    ],
)
def test_what_a_server_may_do_is_told_and_not_held_against_it(client: Path, flaw: str, said: str) -> None:
    with before(client, flaw) as stand:
        checks = list(steady(stand, SHORT))
    lines = "\n".join(map(str, checks))
    assert not failed(checks), lines
    assert re.search(said, lines), lines


@pytest.mark.parametrize(
    ("flaw", "found"),
    [
        ("forgets", "no gap"),
        ("deaf", "everyone ends on the newest state"),
        ("behind", "everyone ends on the newest state"),
        ("older", "no step back"),
        ("tears", "connections"),
    ],
)
def test_a_flaw_is_found(client: Path, flaw: str, found: str) -> None:
    with before(client, flaw) as stand:
        checks = list(steady(stand, SHORT))
    assert found in failed(checks), "\n".join(map(str, checks))


def test_a_post_that_takes_long_is_found(client: Path) -> None:
    with before(client, "slow") as stand:
        checks = list(steady(stand, SHORT))
    posted = next(check for check in checks if check.what == "the presenter's POST")
    assert posted.ok is False
    assert float(re.findall(r"p50 ([\d.]+)", posted.measured)[0]) >= 300


def test_files_that_stay_open_behind_listeners_are_found(client: Path) -> None:
    with before(client, "leaks") as stand:
        checks = list(churn(stand, SHORT))
    assert "files after 10 joins and leaves" in failed(checks), "\n".join(map(str, checks))


def test_a_bound_that_does_not_hold_is_said_and_ends_with_1() -> None:
    with faulty("tears") as server:
        where = ["--at", str(server.port), "--pid", str(server.process.pid)]
        code, said = soak(*where, "--streams", "10", "--hz", "10", "--minutes", "0.02", "--only", "steady")
    assert code == 1
    assert re.search(r"^NOT  steady: connections: [1-9] torn", said, re.MULTILINE), said


def test_more_streams_than_files_are_refused_with_the_number_that_fits() -> None:
    code, said = soak("--streams", "1000000")
    assert code == 1
    assert re.fullmatch(r"scripts/soak: 1,000,000 streams do not fit: with [\d,]+ open files .*\n", said), said


def test_memory_that_grows_steadily_is_found_and_a_short_look_is_not_judged() -> None:
    leak = [Sample(at, 50_000 + at * 2) for at in range(0, 600, 5)]
    calm = [Sample(at, 50_000 + 40_000 * min(at, 100) / 100) for at in range(0, 600, 5)]
    assert slope_kb_min(leak) == pytest.approx(120)
    assert memory("steady", leak).ok is False
    assert memory("steady", calm).ok is True
    assert memory("steady", leak[:20]).ok is None
