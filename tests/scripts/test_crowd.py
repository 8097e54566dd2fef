"""The load client: what it counts, and what it says when something is missing."""

import math
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.crowd import Crowd, Target, compiled, require_files
from bench.procs import cost
from bench.spread import Spread, together
from demo.errors import UsageError
from tests.support.servers import Server, serving, wait_for


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled("crowd", tmp_path_factory.mktemp("crowd"))


@pytest.fixture
def crowd(client: Path, server: Server) -> Iterator[Crowd]:
    with Crowd(client, Target(server.port)) as one:
        yield one


def test_every_listener_gets_every_round_and_stands_where_the_state_does(crowd: Crowd, server: Server) -> None:
    crowd.open(40)
    crowd.until_live(40, 10)
    crowd.stats()
    rounds = crowd.rounds(5, 0, 5000)
    seen, status = crowd.stats(), crowd.status()
    assert (rounds.timeouts, rounds.expected, seen.deliveries, seen.latency.count) == (0, 200, 200, 200)
    assert (seen.gaps, seen.back, seen.lost, seen.post_failures, seen.post.count) == (0, 0, 0, 0, 5)
    assert status.at_newest == status.marked == 40
    state = server.state()
    assert (status.epoch, status.newest, status.said_seq) == (state["epoch"], state["seq"], state["seq"])
    assert state["said"] == f"{crowd.mark}5"
    assert seen.latency.most == pytest.approx(max(rounds.worst), abs=0.001)


def test_listeners_come_at_the_rate_that_is_asked_for(crowd: Crowd) -> None:
    crowd.open(20, 40)
    assert crowd.status().live < 20
    crowd.stats()
    crowd.until_live(20, 10)
    assert 0.3 < crowd.stats().seconds < 5


def test_all_that_leave_are_gone_for_the_server_too(crowd: Crowd, server: Server) -> None:
    crowd.open(10)
    crowd.until_live(10, 10)
    server.until(lambda state: state["viewers"]["stage"] == 10)
    crowd.ask("leave 4")
    server.until(lambda state: state["viewers"]["stage"] == 6)
    crowd.ask("drop")
    server.until(lambda state: state["viewers"]["stage"] == 0)
    assert crowd.status().wanted == 0


def test_who_is_stalled_takes_nothing_and_has_it_all_once_it_reads_on(crowd: Crowd) -> None:
    crowd.open(3)
    crowd.open(2, slow=True)
    crowd.until_live(5, 10)
    crowd.stats()
    crowd.ask("stall")
    rounds = crowd.rounds(3, 0, 5000)
    held, status = crowd.stats(), crowd.status()
    assert (rounds.expected, rounds.timeouts, held.deliveries, held.cut) == (9, 0, 9, 0)
    assert (status.live, status.stalled, status.marked) == (5, 2, 3)
    crowd.ask("resume")
    assert crowd.until(lambda status: status.marked == 5, 5)
    freed = crowd.stats()
    assert (freed.deliveries, freed.gaps, freed.latency.count) == (6, 0, 0)


def test_rounds_come_at_the_rate_that_is_asked_for(crowd: Crowd) -> None:
    crowd.open(5)
    crowd.until_live(5, 10)
    crowd.stats()
    crowd.play(20)
    wait_for(lambda: crowd.status().marker >= 10, 5)
    crowd.play(0)
    crowd.until(lambda status: not status.pending and not status.behind, 5)
    seen = crowd.stats()
    assert seen.rounds == seen.post.count == seen.deliveries / 5
    assert seen.rounds / seen.seconds < 25


def test_listeners_that_cannot_come_in_are_counted_and_said(client: Path) -> None:
    with serving("none") as server:
        port = server.port
    with Crowd(client, Target(port)) as crowd:
        crowd.open(3)
        with pytest.raises(UsageError, match="0 of 3 streams are open, no other for 1 s"):
            crowd.until_live(3, 1)
        assert crowd.stats().lost >= 3


def test_a_refusal_is_said_with_its_status(client: Path, server: Server) -> None:
    with Crowd(client, Target(server.port, path="/stream/nothing")) as crowd:
        crowd.open(1)
        with pytest.raises(UsageError, match="the server refuses with 404"):
            crowd.until_live(1, 1)


def test_a_wrong_command_and_a_client_that_is_gone_are_said(crowd: Crowd) -> None:
    with pytest.raises(UsageError, match="no such command: 'dance'"):
        crowd.ask("dance")
    crowd.process.kill()
    with pytest.raises(UsageError, match="the load client ended with -9"):
        crowd.status()


def test_more_streams_than_files_are_refused_with_the_number_that_fits() -> None:
    with pytest.raises(UsageError, match=r"1,000,000 streams do not fit: .* there are places for [\d,]+ "):
        require_files(1_000_000)


def test_without_a_compiler_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="install gcc and libc6-dev"):
        compiled("crowd", tmp_path)


def test_a_process_that_is_gone_is_said() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        with pytest.raises(UsageError, match=f"process {process.pid}"):
            cost(process.pid)


def test_percentiles_are_exact_within_half_a_percent_and_add_up() -> None:
    values = [0.02 * 1.003**number for number in range(3000)]
    parts = [_counted(values[0::2]), _counted(values[1::2])]
    both = together(parts)
    assert both.count == 3000
    assert both.most == max(values)
    assert both.at(0.5) == pytest.approx(statistics.median(values), rel=0.005)
    assert both.at(0.99) == pytest.approx(sorted(values)[2969], rel=0.005)
    assert math.isnan(together([]).at(0.5))


def _counted(values: list[float]) -> Spread:
    """As `spread.h` counts; its number of buckets must be ours."""
    header = (Path(__file__).parents[2] / "bench" / "spread.h").read_text()
    found = re.search(r"#define FINE (\d+)", header)
    assert found is not None
    spread = Spread(most=max(values))
    spread.buckets.update(int(math.log2(value * 1000) * int(found.group(1))) for value in values)
    return spread
