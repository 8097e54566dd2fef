"""The compose project of a show file: brought up, healed and removed; one that somebody else started is refused."""

import asyncio
import tempfile
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from demo.compose import ownership
from demo.compose.command import Compose
from demo.compose.config import ComposeConfig, ComposeService, label_override, read_config
from demo.compose.image_pull import pull
from demo.compose.removal import remove_project
from demo.compose.waiting import wait_until_up
from demo.container_engine.client import Engine
from demo.container_engine.container import Container
from demo.errors import EngineError, SubjectError
from demo.processes.ports import is_free

SHOW_LABEL = "demo.show"
"""On all that a show brings up: containers, networks and volumes."""

CONFIG_LABEL = "demo.config"
"""On containers: the digest of the compose file that they were made from."""

CALLED_OFF_SEC = 15.0
"""How long the end of the show waits for a start that was cancelled."""

LOCAL = ("", "0.0.0.0", "127.0.0.1", "::", "::1")  # noqa: S104 - where others listen, not we


class ComposeProject:
    """One project. `show`: the name of the show, which labels all that is brought up.

    All methods but `owns`, `listen` and `close` may raise `SubjectError`.
    """

    def __init__(self, engine: Engine, project: str, file: Path, show: str) -> None:
        self.name, self.file = project, file
        self._engine = engine
        self._show = show
        self._compose = Compose(project, file, keeps_logins=True)
        self._claim = ownership.ProjectClaim(project)
        self._owner = ownership.mine(keep=False)
        self._config: ComposeConfig | None = None
        self._is_ours = False
        """Whether nobody else has brought it up: what is found of it may be hit."""
        self._is_created = False
        self._lock = asyncio.Lock()
        self._tell: Callable[[str], None] = lambda text: None

    def listen(self, tell: Callable[[str], None]) -> None:
        """Report the progress with `tell`."""
        self._tell = tell

    def owns(self, container: Container) -> bool:
        """Return whether this show has brought up this container, or goes on with it, so that its faults may hit it."""
        return self._is_ours and container.project == self.name and container.labels.get(SHOW_LABEL) == self._show

    async def bring_up(self) -> None:
        """Start what does not run yet, and wait until it does. What an ended server of a show has left is adopted."""
        async with self._lock:
            with _engine_errors():
                await self._bring_up()

    async def heal(self) -> None:
        """Start what has died, and create what was removed. Brings up what has never been."""
        async with self._lock:
            with _engine_errors():
                await (self._restore() if self._is_created else self._bring_up())

    async def take_down(self) -> None:
        """Remove what shows have brought up of it: containers, networks, volumes. Anything else stays."""
        acquiring = asyncio.ensure_future(self._lock.acquire())
        await asyncio.wait({acquiring}, timeout=CALLED_OFF_SEC)
        try:
            with _engine_errors():
                if self._claim.is_ours_to_remove:
                    await remove_project(self._engine, self.name, ownership.LABEL, SHOW_LABEL)
                    self._claim.is_ours_to_remove = False
        finally:
            self._is_ours = self._is_created = False
            self._claim.release()
            if acquiring.done():
                self._lock.release()
            else:
                acquiring.cancel()

    async def _bring_up(self) -> None:
        found = await self._engine.containers(self.name)
        self._compose.environ |= self._engine.environ()
        self._require_ours(found)
        config = self._config = await self._read_config()
        if any(self._is_outdated(one, config) for one in found):
            self._tell(f"{self.name} was left by another show, or its compose file has changed: it is started anew")
            await remove_project(self._engine, self.name, ownership.LABEL, SHOW_LABEL)
            found = ()
        await self._unpause(found)
        lacking = _missing(config, found)
        if found and not lacking:
            self._tell(f"{self.name} was still running: this show goes on with it, and removes it at the end")
        else:
            await self._create(config, lacking)
        self._is_created = True
        await self._wait()

    def _require_ours(self, found: Sequence[Container]) -> None:
        """Raise `SubjectError` unless the project is free, or was left by a server that has ended."""
        owner = self._claim.take(found, self._engine.where)
        other = f"or give this show another project (system: {{compose: {self.file.name}, project: NAME}})"
        if owner == "kept":
            foreign = ", ".join(sorted(one.name for one in found if ownership.LABEL not in one.labels))
            raise SubjectError(
                f"the compose project {self.name} exists already, and no show has brought it up ({foreign}): nothing "
                f"of it was touched. Remove it (docker compose -p {self.name} down), present it as it runs "
                f"(system: {{attach: {self.name}}}), {other}"
            )
        if owner == "another's":
            raise SubjectError(
                f"another show uses the compose project {self.name}: nothing of it was touched. Wait until that show "
                f"ends; remove the project, if it has (docker compose -p {self.name} down); {other}"
            )
        self._claim.note_start(owner)
        self._is_ours = True

    def _is_outdated(self, container: Container, config: ComposeConfig) -> bool:
        labels = container.labels
        return (labels.get(CONFIG_LABEL), labels.get(SHOW_LABEL)) != (config.digest, self._show)

    async def _read_config(self) -> ComposeConfig:
        config = read_config(*await self._compose.read_config())
        for name in config.unset:
            self._tell(f"{self.file.name} uses the environment variable {name}, which is not set: it is empty there")
        return config

    async def _create(self, config: ComposeConfig, lacking: Sequence[ComposeService]) -> None:
        self._check_ports(lacking)
        await self._fetch_images(lacking)
        self._tell(f"starting {self.name} with {self._compose.program}: {', '.join(one.name for one in lacking)}")
        await self._up(config, [one.name for one in lacking] if len(lacking) < len(config.services) else ())

    async def _up(self, config: ComposeConfig, only: Sequence[str]) -> None:
        """Create and start services, with the labels of this show; without `only`, all."""
        labels, own = {SHOW_LABEL: self._show}, {ownership.LABEL: self._owner, CONFIG_LABEL: config.digest}
        with tempfile.TemporaryDirectory(prefix="chaos-stage-compose-") as folder:
            override = Path(folder) / "labels.json"
            override.write_text(label_override(config, await asyncio.to_thread(_version, self.file), labels, own))
            await self._compose.up(only=only, more=(override,))

    def _check_ports(self, services: Iterable[ComposeService]) -> None:
        """Check that the ports are free, as compose would notice only after it has created half of the project."""
        if not self._engine.where.startswith("unix://"):
            return  # they are another machine's
        taken = {
            f"{port} (of {service.name})"
            for service in services
            for host, port in service.ports
            if host in LOCAL and not is_free(port)
        }
        if taken:
            raise SubjectError(
                f"in use on this machine: port {', '.join(sorted(taken))}; stop the program that uses it, or "
                f"publish another port in {self.file.name}"
            )

    async def _fetch_images(self, services: Iterable[ComposeService]) -> None:
        for service in services:
            names = [service.image] if service.image else [f"{self.name}{mark}{service.name}" for mark in "_-"]
            if any([await self._engine.has_image(name) for name in names]):
                continue
            if service.is_built:
                self._tell(f"building the image of {service.name}")
                await self._compose.build([service.name])
            else:
                await self._pull(service.image)

    async def _pull(self, image: str) -> None:
        try:
            await pull(self._engine, [image], self._tell)
        except EngineError as error:
            # Compose tries next: it has the user's passwords for registries, and says what is wrong if it fails too.
            self._tell(f"the image {image} could not be pulled without a login: {error}")

    async def _wait(self) -> None:
        await wait_until_up(self._engine, self.name, SHOW_LABEL, self._tell)

    async def _restore(self) -> None:
        config = self._config or await self._read_config()
        found = [one for one in await self._engine.containers(self.name) if self.owns(one)]
        await self._unpause(found)
        jobs = {service.name for service in config.services if service.is_job}
        stopped = [one for one in found if one.state in ("exited", "created", "dead") and one.service not in jobs]
        await _all(self._engine.start(one.id) for one in stopped)
        existing = {one.service for one in found}
        if lost := [service.name for service in config.services if service.name not in existing]:
            await self._up(config, lost)
        await self._wait()

    async def _unpause(self, found: Iterable[Container]) -> None:
        """Unpause what is paused: compose would leave it so."""
        await _all(self._engine.unpause(one.id) for one in found if one.state == "paused")


def _missing(config: ComposeConfig, found: Sequence[Container]) -> list[ComposeService]:
    """Return the services that do not run; jobs that have succeeded need not run again."""
    fine = {one.service for one in found if one.state in ("running", "paused")}
    done = {one.service for one in found if one.exit_code == 0}
    return [one for one in config.services if one.name not in fine and not (one.is_job and one.name in done)]


def _version(file: Path) -> str:
    """Return what the file says of its version; "" if it says nothing."""
    try:
        data: Any = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return ""  # compose has read it: it knows more of YAML than this
    return str(data.get("version") or "") if isinstance(data, dict) else ""


async def _all(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all at once, to the end; then raise the first error."""
    for outcome in await asyncio.gather(*works, return_exceptions=True):
        if outcome is not None:
            raise outcome


@contextmanager
def _engine_errors() -> Iterator[None]:
    try:
        yield
    except EngineError as error:
        raise SubjectError(str(error)) from error
