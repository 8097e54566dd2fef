"""The options of commands that play a show: addresses, certificate, the Redis of its relays, and who is told of it."""

import contextlib
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demo.errors import JournalError, UsageError

if TYPE_CHECKING:
    from demo.evidence.plan_b import PreparedRecording
    from demo.relay.feed import RelayStore

Port = Annotated[int, typer.Option(help="Port to listen on; 0 picks a free one.", min=0, max=65535)]
Host = Annotated[
    str, typer.Option(help="Address to listen on; 0.0.0.0 lets others watch, and control the show once paired.")
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        help="Token for programs, created if missing; default of an open server: ~/.local/state/chaos-stage/token.",
        metavar="FILE",
    ),
]
PublicName = Annotated[
    list[str] | None,
    typer.Option(help="Public address of this server, like https://demo.example; may be repeated.", metavar="NAME"),
]
Join = Annotated[
    str | None,
    typer.Option(
        help="URL of the stage, shown to the audience on the cover; default: this server's address; 'off' hides it.",
        metavar="URL",
    ),
]
TlsCert = Annotated[Path | None, typer.Option(help="TLS certificate (PEM), to serve HTTPS.", metavar="FILE")]
TlsKey = Annotated[Path | None, typer.Option(help="Private key of that certificate (PEM).", metavar="FILE")]
RedisUrl = Annotated[
    str | None,
    typer.Option(
        "--redis",
        help="Redis that connects a show to its relays, like redis://:PASSWORD@HOST:PORT; rediss:// for TLS.",
        metavar="URL",
        envvar="DEMO_REDIS",
    ),
]
ShowName = Annotated[
    str | None,
    typer.Option("--show", help="Name of the show on that Redis, if it carries more than one.", metavar="NAME"),
]
Curtain = Annotated[
    bool,
    typer.Option("--curtain", help="Start with a dark stage that shows only the title; press B to show the stage."),
]
PlanB = Annotated[
    str | None,
    typer.Option(
        "--plan-b",
        help="Recorded show to go on from when the system fails, by its name in `demo shows` or its file.",
        metavar="JOURNAL",
    ),
]
OpenPage = Annotated[
    bool, typer.Option("--open/--no-open", help="Open the presenter's page in a browser, if there is a desktop.")
]
Questions = Annotated[
    bool, typer.Option("--questions", help="Let the audience send questions to the presenter's page.")
]
Annotate = Annotated[
    str | None,
    typer.Option(
        help="Grafana that gets faults, detections and recoveries as annotations, like https://grafana.example; "
        "its token comes from DEMO_GRAFANA_TOKEN.",
        metavar="URL",
        envvar="DEMO_ANNOTATE",
    ),
]
Webhook = Annotated[
    list[str] | None,
    typer.Option(
        help="URL that gets each event, signed with the secret in DEMO_WEBHOOK_SECRET; may be repeated.",
        metavar="URL",
        envvar="DEMO_WEBHOOK",
    ),
]


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Import without the garbage collector: what is imported stays, and to look at it takes a fifth of the start."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def check_show_name(show: str | None, redis: str | None) -> None:
    """Raise `UsageError` for the name of a show without the Redis that carries it."""
    if show is not None and not redis:
        raise UsageError(
            f"--show {show} needs the Redis that carries the show: give --redis redis://:PASSWORD@HOST:PORT"
        )


def make_store(redis: str, show: str | None) -> "RelayStore":
    """Return the Redis through which relays follow a show. Raises `UsageError` for an unreadable address."""
    from demo.relay.feed import DEFAULT_SHOW, RelayStore, feed_address

    return RelayStore(feed_address(redis, DEFAULT_SHOW if show is None else show))


def read_plan_b(name: str) -> "PreparedRecording":
    """Read the recording to go on from. Raises `UsageError` for one that cannot be shown."""
    from demo.cli.journals import find_journal
    from demo.evidence.plan_b import prepare_recording
    from demo.journal.library.recording import Recording

    try:
        return prepare_recording(Recording(find_journal(name)))
    except JournalError as error:
        raise UsageError(f"--plan-b {name}: {error}") from None
