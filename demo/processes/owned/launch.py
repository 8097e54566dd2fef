"""A script that runs between the supervisor and a process of the show, and then becomes that process.

Reads one JSON object from stdin: `argv`, `cwd`, `inherited` and `env` (variables, the latter win), `user` (or null),
`parent`, and `status`: a descriptor to which it writes why the program could not be started, and nothing if it runs.
It imports nothing of this package, so that it costs only milliseconds.
"""

import contextlib
import ctypes
import json
import os
import pwd
import signal
import sys
from typing import Any, NoReturn

PR_SET_PDEATHSIG = 1
NOT_STARTED = 127
"""The exit code when the program could not be started, as a shell has it."""


def main() -> NoReturn:
    order = json.load(sys.stdin.buffer)
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
    os.set_inheritable(order["status"], False)
    try:
        become(order)
    except CannotStart as error:
        with contextlib.suppress(OSError):
            os.write(order["status"], str(error).encode(errors="replace")[:4000])
    os._exit(NOT_STARTED)


class CannotStart(Exception):
    """The program was not started; the text says why."""


def become(order: dict[str, Any]) -> NoReturn:
    """Execute the program as its user, in its directory, tied to the supervisor's life. Raises `CannotStart`."""
    environ, who = order["inherited"], ""
    if order["user"] is not None:
        environ |= _switch_user(order["user"])
        who = f"user {order['user']} "
    environ |= order["env"]
    # After the switch, which would clear it.
    _tie_to(order["parent"])
    _enter(order["cwd"], who)
    for number in signal.valid_signals():
        # What Python ignores, or whoever started the server: the program would inherit it.
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    _execute(order["argv"], environ, who)


def _switch_user(name: str) -> dict[str, str]:
    """Become this user, and return the variables that name them."""
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise CannotStart(f"this machine has no user {name}") from None
    if os.geteuid() == user.pw_uid:
        return {}
    if os.geteuid() != 0:
        raise CannotStart(f"only root can run it as user {name}: leave `user` out, or start the show as root")
    os.initgroups(name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    return {"HOME": user.pw_dir, "USER": name, "LOGNAME": name, "SHELL": user.pw_shell or "/bin/sh"}


def _tie_to(parent: int) -> None:
    """Ask the kernel to send us SIGKILL when the supervisor ends; exit if it has ended already."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise CannotStart(f"prctl failed: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        raise CannotStart("the supervisor has terminated")


def _enter(cwd: str, who: str) -> None:
    try:
        os.chdir(cwd)
        if not os.access(".", os.R_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        hint = ": give it a folder that this user may use" if who and isinstance(error, PermissionError) else ""
        raise CannotStart(f"{who}cannot use the folder {cwd} ({error.strerror}){hint}") from None


def _execute(argv: list[str], environ: dict[str, str], who: str) -> NoReturn:
    program = argv[0]
    try:
        os.execvpe(program, argv, environ)  # noqa: S606 - no shell is the point
    except FileNotFoundError:
        if "/" in program and os.path.exists(program):  # noqa: PTH110 - pathlib would cost milliseconds
            raise CannotStart(f"{program} names an interpreter in its first line that is not there") from None
        raise CannotStart(f"the command {program} was not found") from None
    except PermissionError:
        raise CannotStart(f"{who}may not execute {program}".strip()) from None
    except (OSError, ValueError) as error:
        raise CannotStart(f"{program} cannot be executed: {error}") from None


if __name__ == "__main__":
    main()
