"""The command `demo replay` with its options: a recorded show, by its name in `demo shows` or its file."""

from pathlib import Path
from typing import Annotated

import typer

from demo.cli.logs import set_up_logging
from demo.cli.server_options import (
    Curtain,
    Debug,
    Host,
    Join,
    LogLevel,
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
    log_level: LogLevel = None,
    debug: Debug = False,
) -> None:
    """Show a recorded show again on all pages, marked as a replay; nothing is started, and nothing can be broken."""
    if not MIN_SPEED <= speed <= MAX_SPEED:
        raise UsageError(f"--speed must be {MIN_SPEED:g} to {MAX_SPEED:g}, not {speed:g}")
    check_show_name(show, redis)
    set_up_logging(log_level, debug)
    with no_collection():
        from demo.bootstrap import Options, replay
        from demo.journal.library.recording import Recording
        from demo.web.access.setup import AccessOptions

    access = AccessOptions(host, tuple(public_name or ()), token_file, tls_cert, tls_key, join)
    options = Options(
        recording,
        access,
        port,
        terminal=terminal,
        open_page=open_page,
        start_at=start_at,
        curtain=curtain,
        feed=make_store(redis, show) if redis else None,
    )
    replay(options, Recording(find_journal(recording)), speed)


def find_journal(name: str) -> Path:
    """Return the file of a show's journal, by its path or its name in `demo shows`. Raises `JournalError`."""
    from demo.journal.library import JournalDirectory

    path = Path(name)
    return path if path.is_file() else JournalDirectory().find(name).path
