"""Output as it came, and programs that print to a terminal at which nobody types."""

import pytest

from demo.errors import SubjectError
from demo.processes.owned.client import OwnedProcesses
from demo.processes.owned.output import MAX_RAW_BYTES, OutputTail
from tests.support.owned_processes import (
    QUICK,
    new_mark,
    processes_of,
    programs_with,
    python,
    spec,
    started,
    until_gone,
)
from tests.support.ratelimiter_system import until, until_async

pytestmark = pytest.mark.anyio

ABOUT_TERMINAL = """
import os, sys
size = os.get_terminal_size(1)
print(os.isatty(1), os.isatty(0), size.lines, size.columns, sys.stdin.read() == "")
try:
    open("/dev/tty")
except OSError as error:
    print("no terminal controls it")
os.write(1, b"\\x1b[6n")
import time; time.sleep(600)
"""


async def printed(processes: OwnedProcesses, name: str, until_has: bytes) -> bytes:
    """What it has printed, as soon as that has these bytes."""
    found = b""

    async def has_them() -> bool:
        nonlocal found
        found = (await processes.raw_output(name, 0, MAX_RAW_BYTES)).data
        return until_has in found

    await until_async(has_them, 30.0)
    return found


def with_side(*side: object) -> OwnedProcesses:
    plain = processes_of(())
    return OwnedProcesses(plain.show, (), limits=QUICK, side_specs=side)  # type: ignore[arg-type] # specs


async def test_a_program_prints_to_a_terminal_of_its_size_and_can_neither_read_nor_be_answered() -> None:
    async with started([spec("about", python(ABOUT_TERMINAL), terminal=(12, 70))]) as processes:
        text = await printed(processes, "about", b"[6n")
        assert b"True False 12 70 True\r\nno terminal controls it\r\n" in text


async def test_the_end_of_output_on_a_terminal_is_seen_and_no_line_of_it_is_lost() -> None:
    program = python("import time; [print('line', n) for n in range(500)]; time.sleep(0.3)")
    processes = with_side(spec("short", program, terminal=(5, 70)))
    try:
        await processes.launch("short")
        await until(lambda: processes.state("short").phase == "ended")
        assert processes.state("short").exit_code == 0
        output = await processes.raw_output("short", 0, MAX_RAW_BYTES)
        assert output.data.endswith(b"line 499\r\n")
        assert (output.newlines, output.end) == (500, len(output.data))
    finally:
        await processes.stop()


async def test_a_program_that_is_launched_alone_ends_with_the_show_whatever_it_does() -> None:
    mark = new_mark()
    stubborn = ["sh", "-c", "trap '' TERM HUP INT; (setsid sleep 600 &) ; while :; do sleep 600; done", mark]
    processes = with_side(spec("stubborn", stubborn, terminal=(5, 70), stop_timeout_sec=0.3))
    try:
        await processes.launch("stubborn")
        assert programs_with(mark)
    finally:
        await processes.stop()
    await until_gone(mark)


async def test_starting_and_healing_the_show_does_not_depend_on_what_is_launched_alone() -> None:
    processes = with_side(spec("broken", ["no-such-program"]))
    try:
        await processes.start()
        with pytest.raises(SubjectError, match="the command no-such-program was not found"):
            await processes.launch("broken")
        assert (processes.state("broken").phase, processes.state("broken").exit_code) == ("ended", 127)
        assert await processes.start()
    finally:
        await processes.stop()


def test_what_is_kept_of_raw_output_is_bounded_and_counted() -> None:
    tail = OutputTail()
    tail.add(b"one\ntwo")
    assert tail.raw_since(0, 100).data == b"one\ntwo"
    assert tail.raw_since(4, 100).data == b"two"
    assert tail.raw_since(0, 2).data == b"wo"
    tail.finish()
    assert tail.raw_since(0, 100).data == b"one\ntwo", "no newline that the program did not print"
    tail.begin()
    tail.add(b"x" * 3 * MAX_RAW_BYTES)
    found = tail.raw_since(0, 10**9)
    assert (len(found.data), found.end, found.run_began, found.newlines) == (
        MAX_RAW_BYTES,
        7 + 3 * MAX_RAW_BYTES,
        7,
        1,
    )
    assert tail.raw_since(10**9, 100).data == b""


@pytest.mark.parametrize(
    ("printed_bytes", "expected"),
    [
        (b"one\n\x1b[31mboom\x1b[0m \x1b]0;a title\x07<b>\r\n", "boom <b>"),
        (b"boom\n\x1b[0m\n  \n\x1b[?25h", "boom"),
        (b"\x1b[2J", ""),
        ("\u202eüß\u2066\n".encode(), "üß"),
    ],
)
def test_the_last_line_is_the_last_one_that_shows_anything_as_plain_text(printed_bytes: bytes, expected: str) -> None:
    tail = OutputTail()
    tail.add(printed_bytes)
    assert tail.last_line == expected
