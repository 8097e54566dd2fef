"""One show from start to end: subject, conductor, web and terminal wired together, and taken down in order."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
import webbrowser
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demo.conductor import ENDING, Conductor, ShowConfig, SystemLifecycle
from demo.console_output import SAID_SEC, ConsoleWriter, print_error, print_lines
from demo.invitation import Invitation
from demo.journal.library import JournalOpener
from demo.journal.show_log import log_beside
from demo.relay.broadcast import Broadcast
from demo.relay.feed import RelayStore
from demo.show import commands as c
from demo.startup_report import SYSTEM, AccessInfo, StartupReport, welcome
from demo.subjects import check, deck_of, load
from demo.subjects.deck_check import unknown_faults
from demo.terminal.signals import ending_signals
from demo.types import HEAL_SEC, STOP_SEC, AnnouncesStart, HasHealSec, HasStopSec, Subject, Watchdog
from demo.watchdog.client import WatchdogClient
from demo.web.access.policy import AccessPolicy
from demo.web.access.setup import AccessOptions, AccessSetup, entrance
from demo.web.app import Web
from demo.web.server.server import bind, serve
from demo.web.streaming.stream_slots import StreamSlots, connections_most, open_files, short_of_room, streams_most

if TYPE_CHECKING:
    from demo.runner import DemoRunner

SLOW_SEC = 1.0
"""Whoever waits longer than this for the system's end is told what for."""

HEALING = "healing what is broken, please wait"
REMOVING = f"{ENDING}, please wait"

ENDING_SEC = 2.0
"""What is still running at the end gets this long; then it is left behind."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    subject: str
    asked: AccessOptions = field(default_factory=AccessOptions)
    port: int = 0
    web: bool = True
    terminal: bool = False
    open_page: bool = False
    journal: Path | None = None
    fresh: bool = False
    start_at: int | None = None
    """The chapter (1-based) to begin with, or to go on at."""
    chosen: Mapping[str, Any] = field(default_factory=dict)
    """Options of the subject, as plain JSON: the watchdog is told them too."""
    feed: RelayStore | None = None
    """Where relays follow the show."""


def play(options: Options) -> None:
    """Play a show until it is quit. Raises `DemoError` for what keeps it from starting, or went wrong."""
    subject = load(options.subject, **options.chosen)
    check(options.subject, subject)
    listener = bind(options.asked.host, options.port) if options.web else None
    try:
        door = entrance(options.asked, listener) if listener is not None else None
        anywhere = options.start_at is not None
        keeper = JournalOpener(options.subject, options.journal, fresh=options.fresh, anywhere=anywhere)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            error, stubborn = runner.run(_ended(_play(options, subject, keeper, listener, door)))
            if stubborn:
                _leave(error)
        if error is not None:
            raise error
    finally:
        if listener is not None:
            listener.close()


async def _ended(show: Coroutine[Any, Any, None]) -> tuple[BaseException | None, bool]:
    """Run the show and end what it left running: its error, and whether something ignores its end."""
    error: BaseException | None = None
    # What a signal asks for is answered by the parts of the show; between them it must not end the process.
    with ending_signals(lambda _: None):
        try:
            await show
        except Exception as caught:  # noqa: BLE001 - handed on to the caller, once the loop is clean
            error = caught
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        late = (await asyncio.wait(rest, timeout=ENDING_SEC))[1] if rest else set()
        # A thread that never comes back (a driver's call to an engine that hangs) would keep the loop from closing.
        threads = asyncio.ensure_future(asyncio.get_running_loop().shutdown_default_executor())
        hanging = (await asyncio.wait({threads}, timeout=ENDING_SEC))[1]
    return error, bool(late or hanging)


def _leave(error: BaseException | None) -> None:
    """A deck's or a driver's own code ignores its end and would keep the loop from closing: go without it."""
    print_error("something in the deck or a driver does not end; left it behind")
    if error is not None:
        print_error(error)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1 if error is not None else 0)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _play(
    options: Options, subject: Subject, keeper: JournalOpener, listener: socket.socket | None, door: AccessSetup | None
) -> None:
    ended = False

    async def stop() -> None:
        nonlocal ended
        ended = True
        await subject.stop()

    config = _config(options, subject, stop, keeper, WatchdogClient(options.subject, options.chosen))
    try:
        conductor = Conductor(config)
        _log(conductor)
        _listen(subject, conductor)
        if listener is None or door is None:
            await _in_terminal(conductor, keeper)
        else:
            await _served(options, conductor, keeper, listener, door)
    finally:
        if not ended:
            await _take_down(subject)


async def _take_down(subject: Subject) -> None:
    """End what a show that no conductor ended had started. No impatience calls that off: the rest would stay behind."""
    say = ConsoleWriter(quiet=False)
    slow = asyncio.get_running_loop().call_later(SLOW_SEC, say, REMOVING)

    def asked(_: signal.Signals) -> None:
        slow.cancel()
        say(REMOVING)

    try:
        with ending_signals(asked):
            await subject.stop()
    finally:
        slow.cancel()
        say.finish(SAID_SEC)


def _config(
    options: Options, subject: Subject, stop: Callable[[], Awaitable[None]], keeper: JournalOpener, watchdog: Watchdog
) -> ShowConfig:
    """The show of this subject, the same for a server and for a terminal."""
    return ShowConfig(
        subject.name,
        deck_of(options.subject, subject, options.start_at),
        subject.poller,
        title=subject.title,
        description=subject.description,
        faults=subject.faults,
        start_system=subject.start,
        heal_system=subject.heal,
        heal_sec=float(subject.heal_sec) if isinstance(subject, HasHealSec) else HEAL_SEC,
        stop_system=stop,
        stop_sec=float(subject.stop_sec) if isinstance(subject, HasStopSec) else STOP_SEC,
        journal=keeper.open,
        watchdog=watchdog,
        start_at=options.start_at,
    )


async def _in_terminal(conductor: Conductor, keeper: JournalOpener) -> None:
    """`demo run`: the terminal owns the show, its signals and its way out."""
    _report(conductor, keeper, aloud=True)
    await _runner(conductor, owns=True).run()


def _runner(
    conductor: Conductor, *, owns: bool, invitation: Callable[[], Invitation | None] = lambda: None
) -> "DemoRunner":
    """The terminal, imported when there is one: prompt_toolkit and Rich take a third of a second."""
    from demo.runner import DemoRunner  # noqa: PLC0415

    return DemoRunner(conductor.state.subject, (), conductor=conductor, owns=owns, invitation=invitation)


def _log(conductor: Conductor) -> None:
    """Keep the log beside the journal, and tell the presenter where it lies once there is a traceback in it."""
    loop = asyncio.get_running_loop()

    def on_error(path: Path) -> None:
        with contextlib.suppress(RuntimeError):  # the loop may have ended before the thread that logs
            loop.call_soon_threadsafe(conductor.enqueue, "show", c.Notice(f"the traceback is in {path}", "note"))

    if not conductor.journal.is_temporary:
        log_beside(conductor.journal.path, on_error)


def _listen(subject: Subject, conductor: Conductor) -> None:
    """Tell the presenter of a deck that names faults which are not there; and what the subject says of its start."""
    for text in unknown_faults(subject, conductor.state.chapters):
        conductor.enqueue("show", c.Notice(text))
    if isinstance(subject, AnnouncesStart):
        subject.listen(lambda text: conductor.enqueue(SYSTEM, c.Notice(text, "note")))


def _report(conductor: Conductor, keeper: JournalOpener, aloud: bool) -> None:
    """What could not be continued, among the lines of the show; what was, on stdout before a terminal's picture."""
    for text in keeper.troubles:
        conductor.enqueue("show", c.Notice(text))
    if aloud and keeper.continued:
        print_lines(f"continued  {keeper.continued}")


async def _served(
    options: Options, conductor: Conductor, keeper: JournalOpener, listener: socket.socket, door: AccessSetup
) -> None:
    """`demo serve`: pages over the conductor and, if asked for, a terminal beside them."""
    stop, access = _Stop(), door.access(conductor.journal, _telling(conductor))
    runner = _runner(conductor, owns=False, invitation=access.invitation) if options.terminal else None
    say = ConsoleWriter(quiet=runner is not None and runner.paints)
    _report(conductor, keeper, aloud=say.quiet)
    begun = conductor.clock()
    conductor.system.on_slow = partial(say, REMOVING)
    with ending_signals(stop.on_signal(say, conductor.system)):
        playing = asyncio.ensure_future(conductor.run())
        serving = _serve_web(_WebSession(conductor, access, door, listener, keeper, begun), stop, options, say)
        beside = [asyncio.ensure_future(serving)]
        showing = [asyncio.ensure_future(runner.run())] if runner is not None else []
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({playing, stopping, *beside, *showing}, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        conductor.stop(by_person=stop.by_person or (runner is not None and runner.left_by_person))
        # A picture that is still there says so itself, and stays until all is healed.
        say.quiet = any(not task.done() for task in showing) and say.quiet
        if any(fault.is_running for fault in conductor.state.faults):
            say(HEALING)
        await asyncio.wait({playing})
        if runner is not None:
            runner.stop()
        results = await asyncio.gather(playing, *beside, *showing, stopping, return_exceptions=True)
        errors = [result for result in results if isinstance(result, BaseException)]
        say.quiet = False
        if runner is not None and not errors:
            say(runner.farewell)
        say.finish(SAID_SEC)
    if errors:
        raise errors[0]


class _Stop(asyncio.Event):
    """Set when the show is to end."""

    by_person = False
    """By Ctrl-C: a lost terminal or an ending system is nobody's wish to end the show."""

    def on_signal(self, say: ConsoleWriter, system: SystemLifecycle) -> Callable[[signal.Signals], None]:
        """What a signal does: the first ends the show, the others are told to wait."""

        def caught(number: signal.Signals) -> None:
            if self.is_set():
                say(REMOVING if system.is_ending else HEALING)
            else:
                self.by_person = number is signal.SIGINT
            self.set()

        return caught


@dataclass(frozen=True, slots=True)
class _WebSession:
    """What the web side needs of a show."""

    conductor: Conductor
    access: AccessPolicy
    door: AccessSetup
    listener: socket.socket
    keeper: JournalOpener
    begun: float
    """The moment of it: what the log says from then on is of this start."""


async def _serve_web(show: _WebSession, stop: asyncio.Event, options: Options, say: ConsoleWriter) -> None:
    conductor = show.conductor
    # Before that a page could only show the first chapter; who comes meanwhile waits in the socket's queue.
    if not await _loaded(conductor, stop):
        return
    started, files = asyncio.Event(), open_files()
    web = Web(conductor, show.access, StreamSlots(streams_most(files)))
    serving = asyncio.ensure_future(serve(web, show.listener, stop, started, show.door.tls, connections_most(files)))
    waiting = asyncio.ensure_future(started.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if started.is_set():
        _greet(show, options, say)
        web.on_moved = lambda text: say(*_renewed(show.access, sys.stdout.isatty(), f"address    {text}"))
        if options.feed is not None:
            say(f"relays     follow it on {options.feed.address} as {options.feed.address.show!r}")
            conductor.spawn(Broadcast(web, conductor, options.feed, say).run(), "the feed of the relays")
        if show.keeper.continued:
            say(f"continued  {show.keeper.continued}")
        for text in show.keeper.troubles:
            say(f"journal    {text}")
        if room := short_of_room(files):
            say(f"room       {room}")
        # What is here now stays: the collector need not look through it again while a hall is told something.
        gc.collect()
        gc.freeze()
        herald = StartupReport(say, show.begun)
        herald.changed(conductor.state)
        conductor.subscribe(herald.changed)
    await serving


async def _loaded(conductor: Conductor, stop: asyncio.Event) -> bool:
    """Wait until the show knows where it stands; False when it ends before that."""
    waiting = [asyncio.ensure_future(event.wait()) for event in (conductor.loaded, stop)]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    return conductor.loaded.is_set()


def _greet(show: _WebSession, options: Options, say: ConsoleWriter) -> None:
    """Tell the terminal where to go, and again whenever a code was used up; open the presenter's page."""
    reach, pairing = show.access.reach, show.access.pairing
    on_terminal = sys.stdout.isatty()
    own_link = _own_link(show.access)
    token = show.access.token
    invited = show.access.invitation()
    entry = AccessInfo(
        reach.everywhere,
        reach.here,
        own_link,
        invited,
        token.path if token else None,
        token.lost if token else "",
        reach.crosses_plainly,
        bool(reach.public),
    )
    say(*welcome(entry, on_terminal))
    if pairing is not None:
        pairing.subscribe(lambda: say(*_renewed(show.access, on_terminal)))
    if say.quiet:
        hint = ", I shows how to pair" if pairing else ""
        text = f"pages: {reach.everywhere}/ /presenter /remote{hint}"
        show.conductor.enqueue("show", c.Notice(text, "note"))
    if options.open_page and on_terminal and _has_desktop():
        page = own_link or f"{reach.here}/presenter"
        asyncio.get_running_loop().run_in_executor(None, webbrowser.open, page)


def _own_link(access: AccessPolicy) -> str:
    """What pairs this machine's browser; empty where nothing has to be paired, or once it was used."""
    return f"{access.reach.here}/pair#{access.pairing.own}" if access.pairing and access.pairing.own else ""


def _renewed(
    access: AccessPolicy, with_symbol: bool, why: str = "new codes  those shown before are used or renewed"
) -> list[str]:
    invited, own = access.invitation(), _own_link(access)
    lines = [why, f"presenter  {own}" if own else ""]
    return [line for line in lines if line] + (invited.lines(with_symbol) if invited else [])


def _telling(conductor: Conductor) -> Callable[[str], None]:
    """Trouble from any thread, told to the presenter."""
    loop = asyncio.get_running_loop()

    def tell(text: str) -> None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(conductor.enqueue, "web", c.Notice(text))

    return tell


def _has_desktop() -> bool:
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
