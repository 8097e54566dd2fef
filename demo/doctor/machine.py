"""Checks of what every show needs of the machine: Python, Linux, a place for its journal, memory, a watchdog, …"""

import asyncio
import ctypes
import os
import platform
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from demo.doctor.clock import clock
from demo.errors import DemoError
from demo.findings import Finding, maybe, no, ok
from demo.journal.library import JournalDirectory
from demo.processes.child import start_time_of
from demo.processes.environment import asks_proxy_for_loopback
from demo.watchdog.client import check_start
from demo.web.access.addresses import MAX_ELSEWHERE
from demo.web.access.interfaces import LocalAddress, local_addresses
from demo.web.access.phone_address import PhoneAddress
from demo.web.server.server import bind
from demo.web.streaming.stream_slots import StreamSlots, open_files, streams_allowed_by

OLDEST, NEWEST = (3, 11), (3, 14)
"""The Pythons this is tested with."""

MEMINFO = Path("/proc/meminfo")
MIN_MEMORY, MEMORY_WANTED = 128 << 20, 512 << 20
MIN_ROOM, ROOM_WANTED = 10 << 20, 200 << 20
"""Bytes; a long show's journal has a few MB."""

MIN_STREAMS = 50
PICTURES = "█▀▁▒─│●▲…×–"
"""Some of the characters that the terminal's screen and the QR symbol are made of."""

MIN_SIZE = (80, 24)

CONNECT_SEC = 2.0

LOCALES = ("LC_ALL", "LC_CTYPE", "LANG")
EVERY_CATEGORY = 8127
"""glibc's LC_ALL_MASK; of another C library, enough of its categories."""


def checks(port: int) -> Mapping[str, Callable[[], Finding]]:
    """Return the checks by what they look at; none depends on another."""
    return {
        "Python": python,
        "system": system,
        "state directory": partial(state_directory, JournalDirectory().directory),
        f"port {port}": partial(free_port, port),
        "memory": memory,
        "open files": files,
        "clock": clock,
        "proxies": proxies,
        "locale": installed_locale,
        "terminal": terminal,
        "watchdog": watchdog,
    }


def python() -> Finding:
    found = f"{platform.python_version()}, {sys.executable}"
    if sys.version_info[:2] < OLDEST:
        return no("Python", found, "use Python 3.11 or newer")
    if sys.version_info[:2] > NEWEST:
        return maybe("Python", found, "tested with 3.11 to 3.14 only: use one of these if anything fails")
    return ok("Python", found)


def system() -> Finding:
    """Check /proc and pidfd: watchdog and healing tell processes apart by the one, and hold on to them by the other."""
    found = f"{platform.system()} {platform.release()}"
    if sys.platform != "linux":
        return no("system", found, "run the show on Linux: on other systems nothing heals after a crash")
    try:
        if start_time_of(os.getpid()) is None:
            return no("system", f"{found}, no /proc", "mount /proc: without it processes cannot be identified")
    except DemoError as error:
        return no(
            "system",
            f"{found}, {error}",
            "mount /proc so that it can be read: without it processes cannot be identified",
        )
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError as error:
        remedy = "use a kernel of 5.3 or newer, or a sandbox that allows pidfd_open"
        return maybe("system", f"{found}, /proc, but no pidfd ({error.strerror or error})", remedy)
    return ok("system", f"{found}, /proc and pidfd")


def state_directory(directory: Path) -> Finding:
    """Check that the journals' directory can be written to, with a temporary file that never has a name."""
    what = "state directory"
    remedy = "make it writable for your user, or set XDG_STATE_HOME to a directory that is"
    try:
        path = _find_nearest(directory)
        if path == directory and os.getuid() not in (0, path.stat().st_uid):
            return no(what, f"{directory} belongs to another user", remedy)
        with tempfile.TemporaryFile(dir=path):
            room = os.statvfs(path)
    except OSError as error:
        return no(what, f"{directory} cannot be written to ({error.strerror or error})", remedy)
    free = room.f_bavail * room.f_frsize
    found = f"{directory}, {_format_size(free)} free"
    remedy = "free some disk space: without it no undo can be saved, so no fault can be injected"
    if free < MIN_ROOM:
        return no(what, found, remedy)
    return ok(what, found) if free >= ROOM_WANTED else maybe(what, found, remedy)


def _find_nearest(path: Path) -> Path:
    """Return the directory itself, or the nearest parent, where it would be made. Raises `OSError`."""
    try:
        path.lstat()  # not exists(): a dangling link is in the way, too
    except FileNotFoundError:
        return _find_nearest(path.parent)
    return path


def free_port(port: int) -> Finding:
    what = f"port {port}"
    try:
        bind("127.0.0.1", port).close()
    except DemoError as error:
        return no(what, str(error))
    return ok(what, "free")


def memory(meminfo: Path = MEMINFO) -> Finding:
    try:
        fields = dict(line.split(":", 1) for line in meminfo.read_text(encoding="ascii").splitlines())
        available = int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError):
        return maybe("memory", f"{meminfo} does not say how much is available", "make sure that 0.5 GB is free")
    found, remedy = f"{_format_size(available)} available", "close other programs: the demos need about 0.5 GB"
    if available < MIN_MEMORY:
        return no("memory", found, remedy)
    return ok("memory", found) if available >= MEMORY_WANTED else maybe("memory", found, remedy)


def files() -> Finding:
    """Check the limit of open files against the most streams of a server, after raising ours as a server does."""
    limit, wanted = open_files(), StreamSlots().max_streams
    streams = streams_allowed_by(limit)
    found = f"limit {limit}, enough for {streams} screens"
    remedy = f"raise the hard limit (ulimit -Hn 4096) to allow {wanted} screens"
    if streams < MIN_STREAMS:
        return no("open files", found, remedy)
    return ok("open files", found) if streams >= wanted else maybe("open files", found, remedy)


def terminal() -> Finding:
    """Check the terminal. Only `demo run` and `--terminal` need it, so nothing here is worse than a warning."""
    encoding = sys.stdout.encoding or "?"
    try:
        PICTURES.encode(encoding)
    except (LookupError, UnicodeError):
        return maybe(
            "terminal",
            f"{encoding} cannot show box-drawing and QR characters",
            "set LANG to a UTF-8 locale, like C.UTF-8",
        )
    if os.environ.get("TERM", "") == "dumb":
        return maybe("terminal", "TERM is dumb: it cannot draw a screen", "use another terminal for `demo run`")
    if not sys.stdout.isatty():
        return ok("terminal", f"{encoding}; the output is not a terminal, so its size was not checked")
    size = os.get_terminal_size(sys.stdout.fileno())
    found = f"{encoding}, {size.columns} by {size.lines}"
    if size.columns < MIN_SIZE[0] or size.lines < MIN_SIZE[1]:
        return maybe("terminal", found, "enlarge it to 80 by 24 or more for `demo run`")
    return ok("terminal", found)


def proxies() -> Finding:
    """Check for a proxy before loopback. The processes we start are kept from it; what the presenter types is not."""
    name = asks_proxy_for_loopback()
    if name:
        found = f"{name} is set, so curl and other tools send requests for this show to that proxy"
        return maybe("proxies", found, "export no_proxy=127.0.0.1,localhost")
    return ok("proxies", "none is used for addresses of this machine")


def installed_locale() -> Finding:
    """Check that the locale is installed, by asking the C library; this process's own stays as it is."""
    asked = next((value for name in LOCALES if (value := os.environ.get(name))), "C")
    try:
        libc = ctypes.CDLL(None)
        libc.newlocale.restype = ctypes.c_void_p  # a pointer, which ctypes would cut to an int
        libc.newlocale.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
        is_installed = libc.newlocale(EVERY_CATEGORY, b"", None) is not None
    except (OSError, AttributeError):
        return ok("locale", asked)
    if not is_installed:
        found = f"{asked}, or another locale that is set, is not installed: some programs will not start"
        return maybe("locale", found, "export LC_ALL=C.UTF-8 (programs that the show starts are not affected)")
    return ok("locale", asked)


def watchdog() -> Finding:
    try:
        asyncio.run(check_start())
    except DemoError as error:
        return no(
            "watchdog", str(error), "allow this user to start processes: without a watchdog no fault can be injected"
        )
    return ok("watchdog", "starts and stops")


def phones(port: int, look: Callable[[], tuple[LocalAddress, ...] | None] = local_addresses) -> Sequence[Finding]:
    """Check every address that a phone may be given for a server with --host 0.0.0.0; the likeliest comes first.

    Whether the network lets a phone through, only a phone can tell: here it is tried from this machine.
    """
    phone = PhoneAddress(look=look)
    if not phone.chosen:
        return (maybe("phones", phone.why_unreachable, "join the network of the room"),)
    others = [_check_address(one, port, _describe_other(one)) for one in phone.others[:MAX_ELSEWHERE]]
    first = LocalAddress(phone.chosen, "")
    return [_check_address(first, port, "in the QR code of a server with --host 0.0.0.0"), *others]


def _describe_other(one: LocalAddress) -> str:
    if one.is_internal:
        return f"of {one.interface}, for containers and virtual machines of this machine alone"
    return f"another address, of {one.interface or 'this machine'}"


def _check_address(one: LocalAddress, port: int, place: str) -> Finding:
    url = f"http://{one.address}:{port}/"
    if one.is_internal:
        return ok("phones", f"{url} ({place})")
    if not _answers_at(one.address):
        return maybe("phones", f"{url} ({place}) does not answer from here", "look at the network and the firewall")
    return ok("phones", f"{url} ({place}) answers from here; open it on a phone in the room's network, too")


def _answers_at(address: str) -> bool:
    """Return whether a server that listens on all addresses can be reached at this one."""
    try:
        with bind("0.0.0.0", 0) as listener:  # noqa: S104 - as --host 0.0.0.0 does
            socket.create_connection((address, listener.getsockname()[1]), CONNECT_SEC).close()
    except OSError:
        return False
    return True


def _format_size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
