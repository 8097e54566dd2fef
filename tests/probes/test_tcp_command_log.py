"""Probes of a port, a command, a log and a process: real sockets and processes."""

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from demo.clock import CLOCK
from demo.errors import InvalidValue
from demo.probes.command import MAX_BYTES, NOT_INSTALLED, CommandProbe
from demo.probes.http_fetch import UNKNOWN_NAME
from demo.probes.log import LogLines, LogRateProbe
from demo.probes.patterns import TOO_SLOW, Pattern
from demo.probes.process import ProcessProbe, ReportedState
from demo.probes.tcp import TcpProbe

pytestmark = pytest.mark.anyio

ENVIRON: Mapping[str, str] = {"PATH": os.environ["PATH"]}


def command(*argv: str, timeout_sec: float = 20.0, folder: Path | None = None) -> CommandProbe:
    return CommandProbe(argv, ENVIRON, folder, timeout_sec)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


async def test_a_port_is_up_while_somebody_accepts_there() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    reading = await TcpProbe("127.0.0.1", port, 10.0).read()
    assert reading.ok
    assert 0 < reading.data["latency"] < 10
    server.close()
    await server.wait_closed()
    assert (await TcpProbe("127.0.0.1", port, 10.0).read()).trouble == "connection refused"


async def test_a_host_that_cannot_be_resolved_says_nothing_about_the_port() -> None:
    reading = await TcpProbe("no-such-host.invalid", 80, 10.0).read()
    assert (reading.trouble, reading.inconclusive) == (UNKNOWN_NAME, True)


async def test_a_port_that_does_not_accept_is_given_up_at_the_timeout() -> None:
    # A backlog that is full: the kernel lets further connections wait.
    with socket.socket() as listening, contextlib.ExitStack() as waiting:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listening.getsockname())
        async with asyncio.timeout(20):
            while (reading := await TcpProbe("127.0.0.1", listening.getsockname()[1], 0.1).read()).ok:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert reading.trouble == "no answer in 100 ms"


async def test_a_command_tells_its_exit_code_and_its_output_as_text_and_json() -> None:
    reading = await command(sys.executable, "-c", "print('{\"a\": 1}'); raise SystemExit(3)").read()
    assert reading.ok
    assert (reading.data["exit"], reading.data["output"], reading.data["body"]) == (3, '{"a": 1}', {"a": 1})


async def test_a_command_gets_no_shell_and_only_its_own_environment(tmp_path: Path) -> None:
    reading = await command("printf", "%s", "$HOME; `id`").read()
    assert reading.data["output"] == "$HOME; `id`"
    reading = await command("env", folder=tmp_path).read()
    assert set(reading.data["output"].splitlines()) == {f"PATH={ENVIRON['PATH']}"}


async def test_a_command_runs_in_its_folder_and_is_found_there(tmp_path: Path) -> None:
    script = tmp_path / "check.sh"
    script.write_text("#!/bin/sh\npwd\n")
    script.chmod(0o755)
    assert (await command("./check.sh", folder=tmp_path).read()).data["output"] == str(tmp_path)


async def test_a_command_that_is_not_there_says_nothing_about_the_system() -> None:
    reading = await command("no-such-command-at-all").read()
    assert (reading.trouble, reading.inconclusive) == (NOT_INSTALLED, True)


async def test_a_command_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"echo $$ > {pids}; sleep 600 & echo $! >> {pids}; wait"
    started = time.monotonic()
    looking = asyncio.create_task(command("sh", "-c", script, timeout_sec=3.0).read())
    reading = await looking
    assert reading.trouble == "did not end in 3000 ms"
    assert time.monotonic() - started < 60
    told = [int(pid) for pid in pids.read_text().split()]
    assert len(told) == 2
    async with asyncio.timeout(10):
        while any(map(is_alive, told)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_child_that_holds_the_output_open_is_killed_too(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    reading = await command("sh", "-c", f"sleep 600 & echo $! > {pid}", timeout_sec=2.0).read()
    assert not reading.ok
    async with asyncio.timeout(10):
        while is_alive(int(pid.read_text())):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_command_that_prints_without_end_is_stopped() -> None:
    reading = await command("yes").read()
    assert (reading.trouble, reading.inconclusive) == (f"printed more than {MAX_BYTES / 1e6:g} MB", True)


def _log(pattern: str) -> tuple[LogRateProbe, list[str]]:
    lines: list[str] = []

    async def since(number: int) -> LogLines:
        return LogLines(lines[number:], len(lines))

    return LogRateProbe(since, Pattern(pattern)), lines


async def test_a_log_has_the_rate_of_matching_lines_and_what_the_newest_says() -> None:
    probe, lines = _log("/INGESTED (?<rows>\\d+)/")
    lines += ["INGESTED 1", "INGESTED 2"]
    before = await probe.read()
    assert before.data == {"rate": 0.0, "count": 2, "rows": "2", "line": "INGESTED 2"}
    lines += ["INGESTED 5", "other", "INGESTED 7 rows"]
    for _ in range(2):  # a line counts once
        reading = await probe.read()
        assert reading.data["count"] == 4
        assert 0.2 <= reading.data["rate"] <= 2.0
        assert (reading.data["rows"], reading.data["line"]) == ("7", "INGESTED 7 rows")


async def test_lines_of_long_ago_do_not_count_for_the_rate() -> None:
    probe, lines = _log("/x/")
    assert (await probe.read()).data == {"rate": 0.0, "count": 0}
    lines.append("x")
    assert (await probe.read()).data["rate"] > 0
    CLOCK.shift(60)
    assert (await probe.read()).data == {"rate": 0.0, "count": 1, "line": "x"}


async def test_a_log_that_cannot_be_read_is_unknown() -> None:
    async def nothing(_: int) -> None:
        return None

    assert (await LogRateProbe(nothing, Pattern("/x/")).read()).inconclusive


async def test_a_pattern_that_takes_for_ever_is_given_up() -> None:
    probe, lines = _log("/(a|aa)+$/")
    lines.append("a" * 2000 + "b")
    assert (await probe.read()).trouble == TOO_SLOW


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidValue, match="regular expression"):
        Pattern("/(/")


async def test_a_process_whose_port_another_one_has_is_not_running() -> None:
    async def state(told: ReportedState | None) -> object:
        async def ask() -> ReportedState | None:
            return told

        reading = await ProcessProbe(ask).read()
        return reading.data.get("state", reading.inconclusive)

    assert await state(ReportedState("running", 7, owns_port=True)) == "running"
    assert await state(ReportedState("running", 7)) == "running"
    assert await state(ReportedState("running", 7, owns_port=False)) == "foreign port"
    assert await state(ReportedState("killed", exit=-9, owns_port=False)) == "killed"
    assert await state(None) is True
