"""The command `demo replay` with its options: a recorded show, by its name in `demo shows` or its file."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

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
from demo.errors import UsageError

MIN_SPEED, MAX_SPEED = 0.25, 20.0


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
    webvtt: Annotated[
        Path | None,
        typer.Option(help="Write when each chapter was shown into this file, as WebVTT, and end.", metavar="FILE"),
    ] = None,
    log_level: LogLevel = None,
    debug: Debug = False,
) -> None:
    """Show a recorded show again on all pages, marked as a replay; nothing is started, and nothing can be broken."""
    from demo.cli.journals import find_journal

    _check_speed(speed)
    if webvtt is not None:
        write_chapters(find_journal(recording), webvtt)
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
    """Write the chapters of a recording into a new file. Raises `UsageError` if it exists, `JournalError`."""
    from demo.evidence.replay_chapters import list_cues, make_webvtt
    from demo.journal.library.recording import Recording

    text = make_webvtt(list_cues(Recording(journal).states(samples=False)))
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise UsageError(f"there is a file {file} already: name another one, or remove it") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror or error}") from error
    print_lines(f"written    {file}")
