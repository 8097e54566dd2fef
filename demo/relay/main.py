"""One relay from start to end: it follows a show on Redis and serves its audience."""

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
from demo.relay.feed import Address, RelayStore, tell_viewers
from demo.web.access.policy import AccessPolicy
from demo.web.access.setup import AccessOptions, AccessSetup, watching
from demo.web.server.server import bind, serve
from demo.web.streaming.stream_slots import StreamSlots, connections_most, open_files, short_of_room, streams_most

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

FIRST_LOOK_SEC = 2.0
"""How long the start waits for the first word of Redis, so that nobody is told to wait for a show that is there."""


@dataclass(frozen=True, slots=True)
class RelayOptions:
    """What the command line asks for."""

    feed: RelayStore
    asked: AccessOptions = field(default_factory=AccessOptions)
    port: int = 0


def relay(options: RelayOptions) -> None:
    """Serve until a signal ends it. Raises `UsageError` for what keeps it from starting."""
    listener = bind(options.asked.host, options.port)
    try:
        door = watching(options.asked, listener)
        loop = uvicorn.Config("", loop="auto").get_loop_factory()
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(_relay(options, listener, door))
    finally:
        listener.close()


async def _relay(options: RelayOptions, listener: socket.socket, door: AccessSetup) -> None:
    stop, say = asyncio.Event(), ConsoleWriter(quiet=False)
    _stop_on_signals(stop)
    store = options.feed
    files = open_files()
    access = AccessPolicy(door.reach, rules=AUDIENCE)
    audience = RelayApp(
        store, access, StreamSlots(streams_most(files), reserved=0), lambda text: say(f"relay      {text}")
    )
    working = [_spawn(audience.follower.run()), _spawn(tell_viewers(store, audience.viewers))]
    try:
        await _first(audience.follower.asked.wait(), stop.wait(), timeout=FIRST_LOOK_SEC)
        if not stop.is_set():
            started = asyncio.Event()
            serving = _spawn(serve(audience, listener, stop, started, door.tls, connections_most(files)))
            await _first(started.wait(), serving)
            if started.is_set():
                say(*_welcome(store.address, door))
                if room := short_of_room(files):
                    say(f"room       {room}")
                # What is here now stays: the collector need not look through it again while a hall is told something.
                gc.collect()
                gc.freeze()
            await asyncio.wait({serving, *working}, return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            await serving
        for task in working:
            if task.done():
                task.result()
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        await store.close()
        say.finish(SAID_SEC)


def _spawn(work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    return asyncio.get_running_loop().create_task(work)


async def _first(*waited: Any, timeout: float | None = None) -> None:
    """Until one of them is there."""
    tasks = [asyncio.ensure_future(one) for one in waited]
    await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    for task, one in zip(tasks, waited, strict=True):
        if task is not one:
            task.cancel()


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        # Under nohup the hang-up is ignored on purpose.
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, stop.set)


def _welcome(feed: Address, door: AccessSetup) -> list[str]:
    """Where to go, and what is followed."""
    return [
        f"stage      {door.reach.everywhere}/",
        *([f"listens    {door.reach.here}"] if door.reach.public else []),
        f"follows    the show {feed.show!r} on {feed}",
        "open       everyone who gets here may watch; nothing can be steered here",
        "end        Ctrl-C",
    ]
