"""The commands and their options. Exit codes: 0 for a clean end, 1 if it could not be done, 2 for a wrong call.

A command imports what it runs when it runs: `demo --version` does not wait for the server's modules.
"""

import io
import logging
import os
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from demo import __version__
from demo.cli import experiment_commands, rehearsal_command, replays, reports
from demo.cli.logs import set_up_logging
from demo.cli.server_options import (
    Annotate,
    Curtain,
    Host,
    Join,
    OpenPage,
    PlanB,
    Port,
    PublicName,
    Questions,
    RedisUrl,
    ShowName,
    TlsCert,
    TlsKey,
    TokenFile,
    Webhook,
    check_show_name,
    make_store,
    no_collection,
    read_plan_b,
)
from demo.cli.show_options import Debug, LogLevel, Subject
from demo.cli.subject_options import takes_options
from demo.console_output import clean_stderr, print_error, print_lines
from demo.errors import DemoError, UsageError, log_unexpected
from demo.notify.receivers import read_receivers
from demo.subjects.options import Given
from demo.subjects.registry import DEFAULT, options
from demo.subjects.user_code import describe_error, place_of

logger = logging.getLogger(__name__)

app = typer.Typer(
    name="demo",
    help="Show, live, how distributed systems break and recover.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

JournalFile = Annotated[
    Path | None,
    typer.Option("--journal", help="Save the show in this file, and continue it from there next time.", metavar="FILE"),
]

Fresh = Annotated[bool, typer.Option("--fresh", help="Start a new show instead of continuing the last one.")]
StartAt = Annotated[
    int | None,
    typer.Option("--from", help="Start or continue at this chapter; those before it do not run.", metavar="N"),
]
Name = Annotated[str, typer.Argument(help="Name of the system.", metavar="NAME")]


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"chaos-stage {__version__}")
        raise typer.Exit


@app.command()
@takes_options
def serve(  # noqa: PLR0913, PLR0917 - one for each option
    subject: Subject = "ratelimiter",
    host: Host = "127.0.0.1",
    port: Port = 8000,
    terminal: Annotated[bool, typer.Option("--terminal", help="Show and control it in this terminal, too.")] = False,
    open_page: OpenPage = True,
    journal: JournalFile = None,
    fresh: Fresh = False,
    start_at: StartAt = None,
    curtain: Curtain = False,
    plan_b: PlanB = None,
    public_name: PublicName = None,
    join: Join = None,
    token_file: TokenFile = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    redis: RedisUrl = None,
    show: ShowName = None,
    questions: Questions = False,
    annotate: Annotate = None,
    webhook: Webhook = None,
    log_level: LogLevel = None,
    debug: Debug = False,
    given: Given = (),
) -> None:
    """Present in the browser: stage, presenter's page and phone page."""
    check_show_name(show, redis)
    set_up_logging(log_level, debug)
    with no_collection():
        from demo.bootstrap import Options, play
        from demo.web.access.setup import AccessOptions

    play(
        Options(
            subject,
            AccessOptions(host, tuple(public_name or ()), token_file, tls_cert, tls_key, join),
            port,
            terminal=terminal,
            open_page=open_page,
            journal=journal,
            fresh=fresh,
            start_at=start_at,
            curtain=curtain,
            plan_b=read_plan_b(plan_b) if plan_b is not None else None,
            chosen=options(subject, given),
            feed=make_store(redis, show) if redis else None,
            questions=questions,
            receivers=read_receivers(annotate, webhook or (), os.environ),
        )
    )


@app.command("relay")
def relay_command(
    redis: RedisUrl = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets others watch.")] = "127.0.0.1",
    port: Port = 8001,
    public_name: PublicName = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    show: ShowName = None,
    log_level: LogLevel = None,
    debug: Debug = False,
) -> None:
    """Serve the audience of a show that runs elsewhere with `demo serve --redis`; it cannot be controlled from here."""
    if not redis:
        raise UsageError(
            "a relay needs the Redis of the show: give --redis redis://:PASSWORD@HOST:PORT, as for `demo serve`"
        )
    set_up_logging(log_level, debug)
    with no_collection():
        from demo.relay.main import RelayOptions, relay
        from demo.web.access.setup import AccessOptions

    asked = AccessOptions(host, tuple(public_name or ()), tls_cert=tls_cert, tls_key=tls_key)
    relay(RelayOptions(make_store(redis, show), asked, port))


@app.command()
@takes_options
def run(
    subject: Subject = "ratelimiter",
    journal: JournalFile = None,
    fresh: Fresh = False,
    start_at: StartAt = None,
    annotate: Annotate = None,
    webhook: Webhook = None,
    log_level: LogLevel = None,
    debug: Debug = False,
    given: Given = (),
) -> None:
    """Present in this terminal; in a pipe, print plain lines and read each input line as keys."""
    set_up_logging(log_level, debug)
    with no_collection():
        from demo.bootstrap import Options, play

    chosen, told = options(subject, given), read_receivers(annotate, webhook or (), os.environ)
    begin = Options(subject, web=False, terminal=True, journal=journal, fresh=fresh, start_at=start_at)
    play(replace(begin, chosen=chosen, receivers=told))


@app.command()
def up(
    subject: Annotated[str, typer.Argument(help="What to start.")] = DEFAULT,
    name: Annotated[str | None, typer.Option("--name", help="Name for the system; the subject's by default.")] = None,
) -> None:
    """Start a system that outlives every server; present it with `demo serve --attach`."""
    from demo.cli import standalone

    found = standalone.up(subject, name or subject)
    print_lines(
        f"up         {found.name} ({subject}), supervised by process {found.pid}",
        f"present    demo serve {subject} --attach {found.name}",
        f"heal       demo heal {found.name}",
        f"end        demo down {found.name}",
    )


@app.command()
def down(name: Name = DEFAULT) -> None:
    """Stop a system that `demo up` started."""
    from demo.cli import standalone

    print_lines(f"down       {standalone.down(name).name}")


@app.command()
def heal(name: Name = DEFAULT) -> None:
    """Restart what is dead or hangs in a system that `demo up` started."""
    from demo.cli import standalone

    print_lines(f"healed     {standalone.heal(name).name}")


@app.command()
@takes_options
def doctor(
    subject: Annotated[
        str | None,
        typer.Argument(help="What to present; every built-in subject by default.", show_default=False),
    ] = None,
    port: Annotated[int, typer.Option(help="Port that the server will listen on.", min=0, max=65535)] = 8000,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    given: Given = (),
) -> None:
    """Check what a show needs here and say what to do; change nothing. Exits with 1 if something is missing."""
    from demo.doctor.run import examine

    report = examine(subject, given, port)
    report.print(as_json)
    if report.hangs:
        os._exit(0 if report.is_ok else 1)  # a check that never comes back must not keep this process
    raise typer.Exit(0 if report.is_ok else 1)


@app.command()
def shows(
    remove: Annotated[list[str] | None, typer.Option("--remove", help="Remove this show.", metavar="NAME")] = None,
    remove_ended: Annotated[bool, typer.Option("--remove-ended", help="Remove every show that has ended.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Remove shows even if an undo is pending.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the shows saved on this machine, or remove some."""
    from demo.cli import shows as show_list
    from demo.journal.library import JournalDirectory

    shelf = JournalDirectory()
    if remove or remove_ended:
        removed = show_list.remove_shows(shelf, remove or (), remove_ended, force)
        print_lines(f"removed: {', '.join(removed)}" if removed else "nothing to remove")
    else:
        print_lines(*(show_list.as_json(shelf).split("\n") if as_json else show_list.as_table(shelf)))


@app.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="The show file.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print problems and planned actions as JSON.")] = False,
    as_list: Annotated[
        bool, typer.Option("--list", help="List all steps, probes, faults, conditions and layouts that there are.")
    ] = False,
) -> None:
    """Check a show file; say what it would start, touch, break and ask; change nothing. Exits with 1 for errors."""
    from demo.cli import show_files

    if as_list:
        typer.echo("\n".join(show_files.as_list()))
        return
    if file is None:
        raise UsageError("name the show file: demo check my-show.md")
    show, problems = show_files.check(file)
    if as_json:
        typer.echo(show_files.as_json(show, problems))
    else:
        print_lines(*show_files.as_lines(file, show, problems))
    raise typer.Exit(0 if show is not None else 1)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a show file's settings, for editors."""
    from demo.cli import show_files

    typer.echo(show_files.schema())


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the file; .md is added.", metavar="NAME")] = "my-show",
    original: Annotated[
        str | None, typer.Option("--from", help="Copy the deck of this built-in subject.", metavar="SUBJECT")
    ] = None,
) -> None:
    """Write a commented show file that runs at once; no file is overwritten."""
    from demo.cli import show_files

    print_lines(*show_files.new(name, original))


@app.command()
def subjects() -> None:
    """List the subjects that can be presented by name: the built-in ones, and those that are installed."""
    from demo.cli.subject_list import as_table

    print_lines(*as_table())


app.command("replay")(replays.replay_command)
app.command("import")(experiment_commands.import_experiment)
app.command("export")(experiment_commands.export)
app.command("report")(reports.report)
app.command("rehearse")(rehearsal_command.rehearse)


def _keep_only(named: list[str]) -> None:
    """Keep only the command that is called: Typer builds every registered one at each start, which takes time."""
    chosen = [known for known in app.registered_commands if [_get_name(known)] == named]
    app.registered_commands = chosen or app.registered_commands


def _get_name(command: typer.models.CommandInfo) -> str:
    return command.name or (command.callback.__name__ if command.callback else "")


def main() -> None:
    """Run the command line, the entry point; our own errors are one sentence on stderr."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # not every locale has our arrows and dashes; stderr never fails
    clean_stderr()
    _keep_only(sys.argv[1:2])
    try:
        app()
    except DemoError as error:
        if error.__cause__ is not None and "--debug" in sys.argv[1:]:
            traceback.print_exception(error.__cause__)
        print_error(error)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except Exception as error:
        if os.environ.get("DEMO_TRACEBACK") or "--debug" in sys.argv[1:]:
            raise
        print_error(_unexpected(error))
        sys.exit(1)


def _unexpected(error: Exception) -> str:
    """Return whose error it is, the user's code's or this program's, and where its traceback is to be found."""
    from demo.journal.show_log import current_log

    log_unexpected(logger, "the program ended", error)
    log = current_log()
    where = f"its traceback is in {log}" if log is not None else "--debug shows its traceback"
    if place_of(error):
        return f"{describe_error(error)} ({where})"
    what = f"{type(error).__name__}: {error}".split("\n")[0][:300]
    return f"this program has stopped because of a bug in it ({what}); {where}"
