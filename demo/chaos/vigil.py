"""The watchdog's own process, run as a script: waits until the server is gone or hangs, then has its faults healed.

It holds the undo of every fault in place, told as lines of JSON on stdin. Waiting costs it one `select`; what heals
is a process of its own (`demo.mend`), so it imports nothing of this package: it must start in milliseconds and stay
small. It ends when nothing is left to heal and the server has gone.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

HUNG_SEC = 3.0
"""A server that was silent for so long does not heal what is due."""

HUNG_LONG_SEC = 30.0
"""And not what lasts until somebody heals it, after so long."""

MEND_LIMIT_SEC = 45.0
AGAIN_AFTER_SEC = 1.0
"""What was still being applied when the server went is looked at once more."""

RETRY_FIRST_SEC, RETRY_MOST_SEC = 1.0, 10.0
GIVE_UP_AFTER_SEC = 600.0

_RUN = "import runpy, sys; sys.path.append(sys.argv.pop(1)); runpy.run_module('demo.mend', run_name='__main__')"


@dataclass
class Held:
    """One undo. `due`: on this process's clock, None for a fault that lasts until somebody heals it."""

    order: dict[str, Any]
    due: float | None
    applied: bool = False
    mended: bool = False
    said: str = ""


@dataclass
class Vigil:
    """`config`: what `demo.mend` is told of the show, and `root`, where the package lies."""

    config: dict[str, Any]
    held: dict[str, Held] = field(default_factory=dict)
    gone: bool = False
    heard_at: float = field(default_factory=time.monotonic)
    try_at: float = 0.0
    pause_sec: float = RETRY_FIRST_SEC
    gone_at: float = 0.0

    def hear(self, line: bytes) -> None:
        """An order of the server: `hold`, `applied`, `release`, or a sign of life."""
        self.heard_at = time.monotonic()
        order = json.loads(line)
        if "hold" in order:
            lasts = order.pop("lasts")
            due = None if lasts is None else time.monotonic() + lasts
            self.held[order["hold"]] = Held(order, due)
            say({"held": order["hold"]})
        elif "applied" in order and order["applied"] in self.held:
            self.held[order["applied"]].applied = True
        elif "release" in order:
            self.held.pop(order["release"], None)

    def lose(self) -> None:
        """The pipe has ended, and so has the server: however it went."""
        self.gone, self.gone_at = True, time.monotonic()

    def to_heal(self) -> list[str]:
        """What nobody else will heal any more."""
        now = time.monotonic()
        if self.gone:
            return list(self.held)
        silent = now - self.heard_at
        return [ident for ident, held in self.held.items() if self._is_left(held, silent, now)]

    def _is_left(self, held: Held, silent: float, now: float) -> bool:
        if held.mended:
            return False
        if held.due is None:
            return silent > HUNG_LONG_SEC
        return silent > HUNG_SEC and now > held.due

    def wait_sec(self) -> float | None:
        """How long to sleep at most; None: until the server says something."""
        if self.gone:
            return max(0.0, self.try_at - time.monotonic())
        return 0.5 if self.held else None

    def heal(self, idents: list[str]) -> None:
        """One attempt. What failed stays, and is tried again later."""
        if time.monotonic() < self.try_at:
            return
        why = mend(self.config, [self.held[ident].order for ident in idents])
        healed = [ident for ident in idents if ident not in why]
        for ident in healed:
            self._healed(ident)
        if why:
            self._failed(why)

    def _failed(self, why: dict[str, str]) -> None:
        self.try_at = time.monotonic() + self.pause_sec
        self.pause_sec = min(RETRY_MOST_SEC, self.pause_sec * 2)
        ends = self.gone and time.monotonic() > self.gone_at + GIVE_UP_AFTER_SEC
        for ident, reason in why.items():
            held = self.held[ident]
            if ends or held.said != reason:
                held.said = reason
                tell(f"{held.order['fault']} is NOT healed{'' if ends else ' yet'}: {reason}")
        if ends:
            self.held.clear()

    def _healed(self, ident: str) -> None:
        held = self.held[ident]
        held.mended = True
        if not self.gone:
            return  # it hangs, and may yet go on: what it holds is looked at again when it is gone
        if held.applied:
            del self.held[ident]
            tell(f"the server is gone; healed {held.order['fault']} ({held.order['plan']['target']})")
        else:
            held.applied = True
            self.try_at = time.monotonic() + AGAIN_AFTER_SEC


def mend(config: dict[str, Any], orders: list[dict[str, Any]]) -> dict[str, str]:
    """Have these undone: why each that failed did, by id."""
    left = {order["hold"]: "it was not tried" for order in orders}
    work = json.dumps({**config, "undos": orders}).encode()
    command = [sys.executable, "-P", "-c", _RUN, config["root"]]
    try:
        done = subprocess.run(command, input=work, stdout=subprocess.PIPE, timeout=MEND_LIMIT_SEC, check=False)  # noqa: S603
        said = done.stdout
    except subprocess.TimeoutExpired as error:
        said = error.stdout or b""
        left = dict.fromkeys(left, f"not within {MEND_LIMIT_SEC:g} s")
    except OSError as error:
        return dict.fromkeys(left, f"no process could be started: {error}")
    for line in said.splitlines():
        with contextlib.suppress(ValueError, KeyError):
            result = json.loads(line)
            if result["why"] is None:
                left.pop(result["id"], None)
            else:
                left[result["id"]] = result["why"]
    return left


def say(word: dict[str, Any]) -> None:
    """To the server, if it still listens."""
    with contextlib.suppress(OSError):
        os.write(sys.stdout.fileno(), json.dumps(word).encode() + b"\n")


def tell(text: str) -> None:
    """To whoever looks at the terminal that the server had."""
    with contextlib.suppress(OSError):
        os.write(sys.stderr.fileno(), f"demo watchdog: {text}\n".encode())


def keep(vigil: Vigil, buffer: bytes) -> None:
    """Until nothing is left to heal and the server has gone."""
    pipe = sys.stdin.fileno()
    while vigil.held or not vigil.gone:
        pipes = [] if vigil.gone else [pipe]
        if select.select(pipes, [], [], vigil.wait_sec())[0]:
            chunk = os.read(pipe, 65536)
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                vigil.hear(line)
            if not chunk:
                vigil.lose()
        left = vigil.to_heal()
        if left:
            vigil.heal(left)


def main() -> None:
    # Nobody's child: the server never has to reap it, and it is in no terminal's reach.
    if os.fork():
        os._exit(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    buffer = b""
    while b"\n" not in buffer:
        chunk = os.read(sys.stdin.fileno(), 65536)
        if not chunk:
            return
        buffer += chunk
    first, _, buffer = buffer.partition(b"\n")
    say({"ready": os.getpid()})
    vigil = Vigil(json.loads(first))
    *lines, buffer = buffer.split(b"\n")
    for line in lines:
        vigil.hear(line)
    keep(vigil, buffer)


if __name__ == "__main__":
    main()
