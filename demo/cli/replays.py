"""The command `demo replay` with its options: a recorded show, by its name in `demo shows` or its file."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from demo.cli.logs import set_up_logging
from demo.cli.server_options import (
    Curtain,
    Host,
    Join,
    OpenPage,
    Port,
    PublicName,
    RedisUrl,
    ShowName,
    TlsCert,
    TlsKey,
    TokenFile,
    check_show_name,
    make_store,
    no_collection,
)
from demo.cli.show_options import Debug, LogLevel
from demo.console_output import print_lines
from demo.errors import JournalError, UsageError

if TYPE_CHECKING:
    from demo.show import ShowState
    from demo.show.events import JournalEntry

Recorded: TypeAlias = "tuple[ShowState, JournalEntry]"
"""The show after an entry of its recording, and that entry."""

MIN_SPEED, MAX_SPEED = 0.25, 20.0
MIN_SIZE, MAX_SIDE = (40, 10), 500

WebVtt = Annotated[
    Path | None,
    typer.Option(
        "--webvtt", help="Write when each chapter was shown as WebVTT into this file, and end.", metavar="FILE"
    ),
]
AsciiCast = Annotated[
    Path | None,
    typer.Option(
        "--asciicast", help="Write what a terminal would show into this file, for asciinema, and end.", metavar="FILE"
    ),
]
Size = Annotated[
    str, typer.Option("--size", help="Columns and rows of the terminal of --asciicast.", metavar="COLUMNSxROWS")
]


def replay_command(  # noqa: PLR0913, PLR0917 - one for each option
    recording: Annotated[
        str, typer.Argument(help="A recorded show, by its name in `demo shows` or its file.", metavar="JOURNAL")
    ],
    speed: Annotated[
        float, typer.Option(help="How fast it plays, from 0.25 to 20; 2 is twice as fast as it was.", metavar="N")
    ] = 1.0,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    terminal: Annotated[bool, typer.Option("--terminal", help="Show and control it in this terminal, too.")] = False,
    open_page: OpenPage = True,
    start_at: Annotated[
        int | None, typer.Option("--from", help="Start at this chapter of the recording.", metavar="N", min=1)
    ] = None,
    curtain: Curtain = False,
    public_name: PublicName = None,
    join: Join = None,
    token_file: TokenFile = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    redis: RedisUrl = None,
    show: ShowName = None,
    webvtt: WebVtt = None,
    asciicast: AsciiCast = None,
    size: Size = "100x30",
    log_level: LogLevel = None,
    debug: Debug = False,
) -> None:
    """Show a recorded show again on all pages, marked as a replay; nothing is started, and nothing can be broken."""
    from demo.cli.journals import find_journal

    _check_speed(speed)
    if webvtt is not None:
        write_chapters(find_journal(recording), webvtt)
    if asciicast is not None:
        write_asciicast(find_journal(recording), asciicast, read_size(size), speed)
    if webvtt is not None or asciicast is not None:
        return
    check_show_name(show, redis)
    set_up_logging(log_level, debug)
    with no_collection():
        from demo.bootstrap import Options, replay
        from demo.journal.library.recording import Recording
        from demo.web.access.setup import AccessOptions

    access = AccessOptions(host, tuple(public_name or ()), token_file, tls_cert, tls_key, join)
    feed = make_store(redis, show) if redis else None
    own = Options(recording, access, port, terminal=terminal, open_page=open_page, start_at=start_at)
    options = replace(own, curtain=curtain, feed=feed)
    replay(options, Recording(find_journal(recording)), speed)


def _check_speed(speed: float) -> None:
    if not MIN_SPEED <= speed <= MAX_SPEED:
        raise UsageError(f"--speed must be {MIN_SPEED:g} to {MAX_SPEED:g}, not {speed:g}")


def write_chapters(journal: Path, file: Path) -> None:
    """Write the chapters of a recording into a new file. Raises as `_write` does."""
    from demo.evidence.replay_chapters import list_cues, make_webvtt

    _write(journal, file, lambda states: [make_webvtt(list_cues(states))], samples=False)


def write_asciicast(journal: Path, file: Path, size: tuple[int, int], speed: float) -> None:
    """Write a recording as a terminal shows it into a new file. Raises as `_write` does."""
    from demo.evidence.asciicast import make_asciicast

    _write(journal, file, lambda states: (f"{line}\n" for line in make_asciicast(states, size, speed)), samples=True)


def read_size(text: str) -> tuple[int, int]:
    """Return columns and rows. Raises `UsageError`."""
    columns, by, rows = text.partition("x")
    if by and columns.isdecimal() and rows.isdecimal():
        size = int(columns), int(rows)
        if size[0] >= MIN_SIZE[0] and size[1] >= MIN_SIZE[1] and max(size) <= MAX_SIDE:
            return size
    least = f"{MIN_SIZE[0]}x{MIN_SIZE[1]}"
    raise UsageError(
        f"--size must be columns and rows like 100x30, from {least} to {MAX_SIDE}x{MAX_SIDE}, not {text!r}"
    )


def _write(journal: Path, file: Path, make: "Callable[[Iterable[Recorded]], Iterable[str]]", *, samples: bool) -> None:
    """Write what `make` makes of a recording into a new file; of a damaged one, what comes before the damage.

    Raises as `write_new` does, and then `JournalError` that tells of the damage.
    """
    from demo.cli.new_file import write_new
    from demo.journal.library.recording import Recording

    damage: list[JournalError] = []

    def readable() -> "Iterator[Recorded]":
        states = Recording(journal).states(samples=samples)
        yield next(states)  # nothing at all: no file
        try:
            yield from states
        except JournalError as error:
            damage.append(error)

    write_new(file, make(readable()))
    print_lines(f"written    {file}")
    if damage:
        raise JournalError(f"{file} ends early, as far as the recording can be read: {damage[0]}")
