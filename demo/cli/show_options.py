"""Arguments and options that several commands about one show have, as Typer declares them."""

from typing import Annotated

import typer

from demo.subjects.registry import names

Subject = Annotated[
    str,
    typer.Argument(
        help=f"What to break: {', '.join(names())}, an installed one (see demo subjects), or your own as my-show.md or "
        "module:Class.",
        show_default=True,
    ),
]
LogLevel = Annotated[
    str | None,
    typer.Option(help="Print what is logged from this level on: debug, info, warning or error.", metavar="LEVEL"),
]
Debug = Annotated[bool, typer.Option("--debug", help="Print unexpected errors with their tracebacks.")]
