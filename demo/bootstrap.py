"""Runs one show: connects subject, conductor, web and terminal, and shuts them down in order."""

import asyncio
import contextlib
import gc
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demo.conductor import Conductor, ShowConfig, ShowHost, get_live_show
from demo.conductor.error_log import keep_log
from demo.conductor.panel_recorder import record_panels
from demo.conductor.system_description import describe_system
from demo.console_output import SAID_SEC, ConsoleWriter, print_lines
from demo.errors import SubjectError
from demo.evidence.plan_b import PreparedRecording, ShowWithPlanB
from demo.evidence.replay import Replay
from demo.evidence.replay_plan import read_plan
from demo.evidence.served_report import make_served_report
from demo.invitation import Invitation
from demo.journal import Healer, Journal
from demo.journal.library import JournalOpener, describe_pending
from demo.journal.library.recording import Recording
from demo.narration import images_of
from demo.notify.delivery import Delivery
from demo.notify.notifying import describe_receivers, notifying
from demo.notify.receivers import Receivers
from demo.panels.picture import NoPanels, ShowsPanels
from demo.relay.broadcast import Broadcast
from demo.relay.feed import RelayStore
from demo.show import ShowState, following
from demo.show import commands as c
from demo.startup_report import SYSTEM, StartupReport
from demo.subjects.deck_check import unknown_faults
from demo.subjects.registry import check, claim, deck_of, journal_name, load, options_for_healer
from demo.terminal.show_loop import HEALING, REMOVING, ShowStop, run_show_loop, stop_system
from demo.terminal.signals import ending_signals
from demo.types import HEAL_SEC, STOP_SEC, Subject
from demo.views.replay import describe_recorded, recorded_text
from demo.watchdog.client import WatchdogClient
from demo.watchdog.heal_other_shows import heal_leftovers
from demo.watchdog.protocol import Watchdog
from demo.web.access.invitations import describe_new_codes
from demo.web.access.policy import AccessPolicy
from demo.web.access.setup import AccessOptions, AccessSetup, set_up_control
from demo.web.app import Web
from demo.web.greeting import greet
from demo.web.routes.report_page import MakeReport
from demo.web.server.server import bind, serve
from demo.web.streaming.stream_slots import (
    StreamSlots,
    describe_shortage,
    max_connections,
    open_files,
    streams_allowed_by,
)

if TYPE_CHECKING:
    from demo.evidence.unattended import Unattended
    from demo.runner import DemoRunner

REHEARSAL = "rehearsal-"
"""What the names of journals of unattended shows begin with: none of them is continued as a show of its subject."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    subject: str
    access: AccessOptions = field(default_factory=AccessOptions)
    port: int = 0
    web: bool = True
    terminal: bool = False
    open_page: bool = False
    journal: Path | None = None
    fresh: bool = False
    start_at: int | None = None
    """The chapter (1-based) to begin with, or to continue at."""
    curtain: bool = False
    """Whether a new show begins behind the closed curtain; one that is continued stays as it was."""
    chosen: Mapping[str, Any] = field(default_factory=dict)
    """Options of the subject, as plain JSON: the watchdog gets them too."""
    feed: RelayStore | None = None
    """The Redis through which relays follow the show."""
    questions: bool = False
    """Whether the audience may ask questions."""
    receivers: Receivers = field(default_factory=Receivers)
    """Which other tools are told of the show."""
    plan_b: PreparedRecording | None = None
    """The recording from which the presenter may go on."""
    unattended: "Unattended | None" = None
    """Who plays the show, if nobody is to control it. Its journal is a new one, and it takes no edits of its file."""


def play(options: Options) -> None:
    """Play a show until somebody quits it. Raises `DemoError` for what prevents its start, or went wrong."""
    subject = load(options.subject, **options.chosen)
    try:
        check(options.subject, subject)
    except SubjectError as refusal:
        if left := describe_pending(journal_name(options.subject, subject), options.journal):
            raise SubjectError(f"{refusal}\nAn earlier show left this broken: {left}") from refusal.__cause__
        raise
    claim(options.subject, subject)
    is_chapter_given = options.start_at is not None
    name, fresh = journal_name(options.subject, subject), options.fresh
    if options.unattended is not None:
        name, fresh = f"{REHEARSAL}{name}", True

    def show(listener: socket.socket | None, access_setup: AccessSetup | None) -> Coroutine[Any, Any, None]:
        keep = options.plan_b.recording.path if options.plan_b is not None else None
        opener = JournalOpener(name, options.journal, fresh=fresh, is_chapter_given=is_chapter_given, keep=keep)
        return _play(options, subject, opener, listener, access_setup)

    _run_show(options, show)


def replay(options: Options, recording: Recording, speed: float) -> None:
    """Show a recorded show until somebody quits it. Raises `DemoError` for one that cannot be shown."""
    plan = read_plan(recording)
    options = replace(options, journal=recording.path)

    async def show(listener: socket.socket | None, access_setup: AccessSetup | None) -> None:
        host = Replay(recording, plan, speed=speed, start_at=options.start_at or 1, dark=options.curtain)
        if listener is not None and access_setup is not None:
            await _serve_show(options, host, None, listener, access_setup)

    _run_show(options, show)


def _run_show(
    options: Options, show: Callable[[socket.socket | None, AccessSetup | None], Coroutine[Any, Any, None]]
) -> None:
    """Run a show and what serves it, on a loop of its own. Raises the error of the show."""
    listener = bind(options.access.host, options.port) if options.web else None
    try:
        access_setup = set_up_control(options.access, listener) if listener is not None else None
        run_show_loop(show(listener, access_setup), fails_if_hanging=options.unattended is not None)
    finally:
        if listener is not None:
            listener.close()


async def _play(
    options: Options,
    subject: Subject,
    opener: JournalOpener,
    listener: socket.socket | None,
    access_setup: AccessSetup | None,
) -> None:
    ended = False

    async def stop() -> None:
        nonlocal ended
        ended = True
        await subject.stop()

    watchdog = WatchdogClient(options.subject, lambda: options_for_healer(subject, options.chosen))
    config = _build_config(options, subject, stop, opener, watchdog)
    try:
        conductor = Conductor(config)
        host = conductor if options.plan_b is None else ShowWithPlanB(conductor, options.plan_b)
        keep_log(conductor)
        record_panels(conductor)
        describe_system(conductor, subject, options.chosen)
        _report_subject(subject, conductor, takes_edits=options.unattended is None)
        if options.curtain and not opener.continued:
            conductor.enqueue("show", c.Blackout(on=True))
        async with notifying(conductor, options.receivers) as deliveries:
            if options.unattended is not None:
                _report_journal(conductor, opener, aloud=False)
                await options.unattended.play(conductor)
            elif listener is None or access_setup is None:
                await _run_in_terminal(conductor, opener)
            else:
                await _serve_show(options, host, opener, listener, access_setup, deliveries)
    finally:
        if not ended:
            await stop_system(subject)


def _build_config(
    options: Options, subject: Subject, stop: Callable[[], Awaitable[None]], opener: JournalOpener, watchdog: Watchdog
) -> ShowConfig:
    """Return the configuration of the show, the same for a server, for a terminal and for a rehearsal."""

    def open_journal(show: ShowState) -> Journal:
        if options.unattended is not None:
            options.unattended.check(show)
        return opener.open(show)

    return ShowConfig(
        subject.name,
        deck_of(options.subject, subject, options.start_at),
        subject.poller,
        title=subject.title,
        description=subject.description,
        faults=subject.faults,
        start_system=subject.start,
        heal_system=subject.heal,
        heal_sec=float(subject.heal_sec) if isinstance(subject, following.HasHealSec) else HEAL_SEC,
        stop_system=stop,
        stop_sec=float(subject.stop_sec) if isinstance(subject, following.HasStopSec) else STOP_SEC,
        journal=open_journal,
        watchdog=watchdog,
        driver_for=subject.driver_for if isinstance(subject, following.HealsPlans) else lambda name, plan: None,
        healer=lambda: Healer(options.subject, options_for_healer(subject, options.chosen)),
        heal_others=heal_leftovers,
        unmet=subject.unmet if isinstance(subject, following.GuardsChapters) else lambda number: "",
        images=images_of(subject),
        panels=subject.panels if isinstance(subject, ShowsPanels) else NoPanels(),
        start_at=options.start_at,
    )


async def _run_in_terminal(conductor: Conductor, opener: JournalOpener) -> None:
    """Run `demo run`: the terminal owns the show, its signals and its end."""
    _report_journal(conductor, opener, aloud=True)
    await _create_runner(conductor, owns=True).run()


def _create_runner(
    conductor: ShowHost, *, owns: bool, invitation: Callable[[], Invitation | None] = lambda: None
) -> "DemoRunner":
    """Create the terminal. Imported only here: prompt_toolkit and Rich take a third of a second."""
    from demo.runner import DemoRunner  # noqa: PLC0415

    return DemoRunner(conductor.state.subject, (), conductor=conductor, owns=owns, invitation=invitation)


def _report_subject(subject: Subject, conductor: Conductor, *, takes_edits: bool) -> None:
    """Notify the presenter of unknown faults in the deck, let the subject follow, and forward what it reports."""
    for text in unknown_faults(subject, conductor.state.chapters):
        conductor.enqueue("show", c.Notice(text))
    if isinstance(subject, following.FollowsShow):
        subject.follow(conductor)
    if takes_edits and isinstance(subject, following.TakesEdits):
        subject.take_edits(conductor)
    if isinstance(subject, following.AnnouncesStart):
        subject.listen(lambda text: conductor.enqueue(SYSTEM, c.Notice(text, "note")))


def _report_journal(conductor: ShowHost, opener: JournalOpener | None, aloud: bool) -> None:
    """Report which journals could not be continued, in the show's log, and which one is.

    `aloud`: print the latter on stdout, before a terminal takes it over. Without an opener there is nothing to report.
    """
    if opener is None:
        return
    for text in opener.notices:
        conductor.enqueue("show", c.Notice(text))
    if aloud and opener.continued:
        print_lines(f"continued  {opener.continued}")


async def _serve_show(
    options: Options,
    conductor: ShowHost,
    opener: JournalOpener | None,
    listener: socket.socket,
    access_setup: AccessSetup,
    deliveries: Sequence[Delivery[Any]] = (),
) -> None:
    """Run `demo serve`: web pages for the conductor and, if asked for, a terminal beside them."""
    stop, access = ShowStop(), access_setup.access(conductor.journal, _make_notifier(conductor))
    runner = _create_runner(conductor, owns=False, invitation=access.invitation) if options.terminal else None
    say = ConsoleWriter(quiet=runner is not None and runner.paints)
    _report_journal(conductor, opener, aloud=say.is_quiet)
    started_at = conductor.clock()
    conductor.system.on_slow = partial(say, REMOVING)
    with ending_signals(stop.on_signal(say, conductor.system)):
        playing = asyncio.ensure_future(conductor.run())
        serving = _serve_web(
            _WebSession(conductor, access, access_setup, listener, opener, started_at, deliveries), stop, options, say
        )
        web_tasks = [asyncio.ensure_future(serving)]
        terminal_tasks = [asyncio.ensure_future(runner.run())] if runner is not None else []
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({playing, stopping, *web_tasks, *terminal_tasks}, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        conductor.stop(by_person=stop.by_person or (runner is not None and runner.left_by_person))
        # A terminal that is still drawn shows this itself, and stays until all is healed.
        say.is_quiet = any(not task.done() for task in terminal_tasks) and say.is_quiet
        if conductor.state.replay is None and any(fault.is_running for fault in conductor.state.faults):
            say(HEALING)
        await asyncio.wait({playing})
        if runner is not None:
            runner.stop()
        results = await asyncio.gather(playing, *web_tasks, *terminal_tasks, stopping, return_exceptions=True)
        errors = [result for result in results if isinstance(result, BaseException)]
        say.is_quiet = False
        if runner is not None and not errors:
            say(runner.farewell)
        say.finish(SAID_SEC)
    if errors:
        raise errors[0]


@dataclass(frozen=True, slots=True)
class _WebSession:
    """What the web side needs of a show."""

    conductor: ShowHost
    access: AccessPolicy
    access_setup: AccessSetup
    listener: socket.socket
    opener: JournalOpener | None
    started_at: float
    """The moment of the start: later lines of the log belong to it."""
    deliveries: Sequence[Delivery[Any]]


async def _serve_web(show: _WebSession, stop: asyncio.Event, options: Options, say: ConsoleWriter) -> None:
    conductor = show.conductor
    # Before that a page would show the first chapter; clients that connect meanwhile wait in the socket's backlog.
    if not await _wait_until_loaded(conductor, stop):
        return
    started, max_files = asyncio.Event(), open_files()
    web = Web(
        conductor,
        show.access,
        StreamSlots(streams_allowed_by(max_files)),
        takes_questions=options.questions,
        deliveries=show.deliveries,
        make_report=_choose_report(conductor, options),
    )
    serving = asyncio.ensure_future(
        serve(web, show.listener, stop, started, show.access_setup.tls, max_connections(max_files))
    )
    waiting = asyncio.ensure_future(started.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if started.is_set():
        greet(conductor, show.access, say, open_page=options.open_page)
        web.on_moved = lambda text: say(*describe_new_codes(show.access, sys.stdout.isatty(), f"address    {text}"))
        if options.feed is not None:
            say(f"relays     follow this show on {options.feed.address} as {options.feed.address.show!r}")
            conductor.spawn(Broadcast(web, conductor, options.feed, say).run(), "publishing to the relays")
        for text in describe_receivers(options.receivers):
            say(text)
        if show.opener is not None and show.opener.continued:
            say(f"continued  {show.opener.continued}")
        for text in show.opener.notices if show.opener is not None else ():
            say(f"journal    {text}")
        if room := describe_shortage(max_files):
            say(f"streams    {room}")
        # All objects of the start stay: the garbage collector need not scan them again in the middle of a broadcast.
        gc.collect()
        gc.freeze()
        _report_start(show, say)
    await serving


def _choose_report(conductor: ShowHost, options: Options) -> MakeReport:
    """Return what makes the report of this show; of a replay that of the recording, not of the replay's own journal."""
    recorded = options.journal
    if conductor.state.replay is None or recorded is None:
        return make_served_report
    return lambda _: make_served_report(recorded)


def _report_start(show: _WebSession, say: ConsoleWriter) -> None:
    """Print how the system starts, or what is replayed: its system is not here."""
    state = show.conductor.state
    if state.replay is not None:
        say(f"replay     {state.title}, {describe_recorded(state.replay)}")
        for text in state.replay.notices:
            say(f"recording  {text}")
        return
    if state.plan_b is not None:
        say(f"plan B     {recorded_text(state.plan_b.recorded_at)}")
        for text in state.plan_b.differences:
            say(f"recording  {text}")
    report, live = StartupReport(say, show.started_at), get_live_show(show.conductor)
    report.changed(live.state)
    live.subscribe(report.changed)


async def _wait_until_loaded(conductor: ShowHost, stop: asyncio.Event) -> bool:
    """Wait until the journal is read; return False when the show ends before that."""
    waiting = [asyncio.ensure_future(event.wait()) for event in (conductor.loaded, stop)]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    return conductor.loaded.is_set()


def _make_notifier(conductor: ShowHost) -> Callable[[str], None]:
    """Return a function that sends notices to the presenter, from any thread."""
    loop = asyncio.get_running_loop()

    def tell(text: str) -> None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(conductor.enqueue, "web", c.Notice(text))

    return tell
