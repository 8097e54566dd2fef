"""Runs one relay: it follows a show over Redis and serves its audience, until a signal ends it."""

import asyncio
import gc
import signal
import socket
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from demo.console_output import SAID_SEC, ConsoleWriter
from demo.relay.app import AUDIENCE, RelayApp
from demo.relay.feed import FeedAddress, RelayStore, report_viewers
from demo.web.access.policy import AccessPolicy
from demo.web.access.setup import AccessOptions, AccessSetup, set_up_audience_only
from demo.web.server.server import bind, serve
from demo.web.streaming.stream_slots import (
    StreamSlots,
    describe_shortage,
    max_connections,
    open_files,
    streams_allowed_by,
)

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

FIRST_LOOK_SEC = 2.0
"""How long the start waits for Redis to answer, so that the first pages do not say there is no show when there is."""


@dataclass(frozen=True, slots=True)
class RelayOptions:
    """What the command line asks for. `access`: its options about access."""

    feed: RelayStore
    access: AccessOptions = field(default_factory=AccessOptions)
    port: int = 0


def relay(options: RelayOptions) -> None:
    """Serve until a signal arrives. Raises `UsageError` for what keeps it from starting."""
    listener = bind(options.access.host, options.port)
    try:
        setup = set_up_audience_only(options.access, listener)
        # The loop that `uvicorn.run` would choose: uvloop where it is installed.
        loop = uvicorn.Config("", loop="auto").get_loop_factory()
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(_run_relay(options, listener, setup))
    finally:
        listener.close()


async def _run_relay(options: RelayOptions, listener: socket.socket, setup: AccessSetup) -> None:
    stop, say = asyncio.Event(), ConsoleWriter(quiet=False)
    _stop_on_signals(stop)
    store = options.feed
    files = open_files()
    access = AccessPolicy(setup.addresses, rules=AUDIENCE)
    # No slots are reserved, for a relay has no presenter.
    audience = RelayApp(
        store, access, StreamSlots(streams_allowed_by(files), reserved=0), lambda text: say(f"relay      {text}")
    )
    # Before the server, so that the first page already shows the show and not that there is none.
    background = [_spawn(audience.subscriber.run()), _spawn(report_viewers(store, audience.viewers))]
    try:
        await _wait_for_first(audience.subscriber.asked.wait(), stop.wait(), timeout=FIRST_LOOK_SEC)
        if not stop.is_set():
            started = asyncio.Event()
            serving = _spawn(serve(audience, listener, stop, started, setup.tls, max_connections(files)))
            await _wait_for_first(started.wait(), serving)
            if started.is_set():
                say(*_describe_start(store.address, setup))
                if warning := describe_shortage(files):
                    say(f"streams    {warning}")
                # The objects of the start stay for ever. Frozen, they are not traversed by the garbage collector, whose
                # pauses would delay messages to thousands of listeners.
                gc.collect()
                gc.freeze()
            await asyncio.wait({serving, *background}, return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            await serving
        for task in background:
            if task.done():
                task.result()
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await store.close()
        say.finish(SAID_SEC)


def _spawn(work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    return asyncio.get_running_loop().create_task(work)


async def _wait_for_first(*waited: Any, timeout: float | None = None) -> None:
    """Wait until one of them is done, and cancel those that are not tasks of the caller's."""
    tasks = [asyncio.ensure_future(one) for one in waited]
    await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    for task, one in zip(tasks, waited, strict=True):
        if task is not one:
            task.cancel()


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        # nohup ignores SIGHUP on purpose: the relay shall outlive the terminal.
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, stop.set)


def _describe_start(feed: FeedAddress, setup: AccessSetup) -> list[str]:
    """Return the lines of the start: the URLs of this relay, and which show it follows."""
    return [
        f"stage      {setup.addresses.main_url}/",
        *([f"listens    {setup.addresses.local_url}"] if setup.addresses.public else []),
        f"follows    the show {feed.show!r} on {feed}",
        "open       everyone who can reach this address may watch; nobody can control the show here",
        "end        Ctrl-C",
    ]
