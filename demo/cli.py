"""The command line: options in, exit codes out (0 a clean end, 1 it could not be done, 2 a wrong call)."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from demo import __version__
from demo.errors import DemoError, UsageError
from demo.play import Options, play
from demo.subjects import names
from demo.web.entrance import Asked

app = typer.Typer(
    name="demo",
    help="Show, live, how distributed systems break and recover.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Subject = Annotated[
    str, typer.Argument(help=f"What to break: {', '.join(names())}, or your own as module:Class.", show_default=True)
]
JournalFile = Annotated[
    Path | None,
    typer.Option(
        "--journal", help="Keep the show in this file, and continue it from there after a crash.", metavar="FILE"
    ),
]


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"chaos-stage {__version__}")
        raise typer.Exit


@app.command()
def serve(
    subject: Subject = "ratelimiter",
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 lets others in, who pair to steer.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 8000,
    terminal: Annotated[bool, typer.Option("--terminal", help="Show and steer it in this terminal too.")] = False,
    open_page: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the presenter's page, where there is a desktop.")
    ] = True,
    journal: JournalFile = None,
    public_name: Annotated[
        list[str] | None,
        typer.Option(help="A name people reach it by, as in https://demo.example; may be repeated.", metavar="NAME"),
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="The token for programs; made when missing.", metavar="FILE")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate (PEM) to serve https.", metavar="FILE")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key (PEM).", metavar="FILE")] = None,
) -> None:
    """Present in the browser: stage, presenter's page and phone page."""
    asked = Asked(host, tuple(public_name or ()), token_file, tls_cert, tls_key)
    play(Options(subject, asked, port, web=True, terminal=terminal, open_page=open_page, journal=journal))


@app.command()
def run(subject: Subject = "ratelimiter", journal: JournalFile = None) -> None:
    """Present in this terminal; through a pipe: plain lines out, each line in counts as a key."""
    play(Options(subject, web=False, terminal=True, journal=journal))


def main() -> None:
    """Entry point of the command; our own errors are one sentence on stderr."""
    try:
        app()
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UsageError) else 1)
