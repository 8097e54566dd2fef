"""Keeps in the journal what a show runs on: program, machine, options, and what the subject says of its system."""

import asyncio
import logging
import os
import platform
import re
import traceback
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any, Protocol

from demo import __version__
from demo.clean import clean
from demo.errors import DemoError, describe
from demo.journal import Journal
from demo.journal.library.recording import Recording
from demo.journal.show_log import MASK, without_secrets
from demo.show import ShowState
from demo.show import commands as c
from demo.show.system_described import DescribeSystem, Facts, SystemDescribed
from demo.subjects.described_options import option_facts
from demo.timeouts import run_with_timeout
from demo.types import DescribesSystem
from demo.views.redaction import without_named_secrets

logger = logging.getLogger(__name__)

ASK_SEC = 10.0
"""Timeout of a subject's `describe_system`."""

MAX_FACTS, MAX_NAME, MAX_VALUE = 40, 60, 200
"""How many facts are kept, and the longest name and value, in characters."""

MAX_READ = 1000
"""Characters of a name or value that are looked at."""

_SECRET_NAME = re.compile(
    r"(?<![a-z])(?:pass(?:word|wd|phrase)?|pwd?|secret|token|credential|auth(?:orization)?|bearer|cookie|pin|"
    r"(?:api|private|access|secret|ssh|signing)?[_ -]?key)s?\d*(?![a-z])",
    re.IGNORECASE,
)
"""In the name of an option or fact: its value is left out. `pay-key` or `monkey` is no secret, `key` alone is."""

_USER = re.compile(r"(?<=://)\S*@|(?<!\S)[^\s/:@]+:(?!//)\S+@(?=\S)")


class StartingSystem(Protocol):
    async def until_up(self) -> None: ...


class DescribedShow(Protocol):
    """What is needed of a conductor."""

    journal: Journal
    loaded: asyncio.Event

    @property
    def state(self) -> ShowState: ...

    @property
    def system(self) -> StartingSystem: ...

    def enqueue(self, issuer: str, command: c.Command) -> None: ...

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]: ...

    async def until(self, condition: Callable[[ShowState], bool], timeout: float | None) -> bool: ...


def describe_system(
    show: DescribedShow, subject: object, options: Mapping[str, object], ask_sec: float = ASK_SEC
) -> None:
    """Describe the system of a show in its journal once it has started. `options`: of the subject, as they were given.

    If it was not up then, it is described again when it is.
    """
    show.spawn(_SystemDescriber(show, subject, options, ask_sec).run(), "the description of the system")


class _SystemDescriber:
    def __init__(self, show: DescribedShow, subject: object, options: Mapping[str, object], ask_sec: float) -> None:
        self._show, self._subject, self._ask_sec = show, subject, ask_sec
        self._of_show = (*_machine_facts(), *option_facts(options))
        self._written: Facts | None = None

    async def run(self) -> None:
        await self._show.loaded.wait()
        await self._show.system.until_up()
        if self._show.journal.newest_at is not None:  # an earlier server has played it
            self._written = await asyncio.to_thread(_newest_facts, self._show.journal)
        was_up = _is_up(self._show.state)
        await self._describe()
        if not was_up:
            await self._show.until(_is_up, None)
            await self._describe()

    async def _describe(self) -> None:
        facts = bounded([*self._of_show, *await self._ask_subject()])
        if facts != self._written:
            self._written = facts
            self._show.enqueue("show", DescribeSystem(facts))

    async def _ask_subject(self) -> Facts:
        """Return what the subject says; nothing if it fails: the log says why, and the presenter sees nothing."""
        if not isinstance(self._subject, DescribesSystem):
            return ()
        try:
            told = await run_with_timeout(self._ask_sec, self._subject.describe_system(), "describing the system")
            pairs = told.items() if isinstance(told, Mapping) else told
            return tuple((str(name), str(value)) for name, value in pairs)
        except Exception as error:  # noqa: BLE001 - a subject's bug must not disturb the show
            # As text: with `exc_info` the presenter would be told that there is a traceback.
            trace = "" if isinstance(error, DemoError) else "\n" + "".join(traceback.format_exception(error))
            logger.warning("the description of the system: %s%s", describe(error), trace)
            return ()


def bounded(facts: Sequence[tuple[str, str]]) -> Facts:
    """Return facts as they are kept: one for each name, in one line, so many and so long, and no secret among them."""
    kept: dict[str, str] = {}
    for name, value in ((clean(name[:MAX_READ]).strip(), clean(value[:MAX_READ]).strip()) for name, value in facts):
        if name and value and not _is_secret(name) and len(kept) < MAX_FACTS:
            # Masked before it is cut: half a secret does not look like one.
            kept.setdefault(name[:MAX_NAME], _without_secrets(value)[:MAX_VALUE])
    return tuple(kept.items())


def _is_secret(name: str) -> bool:
    """Return whether a value of this name is one to hide."""
    return _SECRET_NAME.search(name) is not None


def _without_secrets(value: str) -> str:
    """Mask what logs mask, and all before the `@` of an address: a password may have a `/` or another `@` in it."""
    return without_named_secrets(without_secrets(_USER.sub(f"{MASK}@", value)))


def _machine_facts() -> Iterator[tuple[str, str]]:
    yield "chaos-stage", __version__
    yield "Python", f"{platform.python_version()} ({platform.python_implementation()})"
    yield "operating system", _system_name()
    yield "kernel", f"{platform.system()} {platform.release()}"
    yield "machine", platform.machine()
    yield "CPUs", str(os.cpu_count() or "")


def _system_name() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return ""


def _newest_facts(journal: Journal) -> Facts | None:
    """Return what the journal says last; None where it says nothing, or cannot be read."""
    try:
        newest = Recording(journal.path).newest(SystemDescribed)
    except DemoError as error:
        logger.warning("the description of the system: %s", error)
        return None
    return newest.facts if newest is not None else None


def _is_up(state: ShowState) -> bool:
    """Return whether the system is seen up."""
    if state.system_error is not None:
        return False
    return state.sample is not None and state.freshness == "live" and not state.sample.has_issues
