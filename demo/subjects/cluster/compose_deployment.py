"""A cluster in the containers of one compose project: brought up or found running, and left as it was found."""

import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from demo.compose import ownership
from demo.compose.command import DOWN_SEC, Compose
from demo.compose.image_pull import pull
from demo.container_engine.client import Engine
from demo.container_engine.container import Container
from demo.container_engine.event_watch import EngineWatch
from demo.errors import EngineError, SubjectError, UsageError
from demo.findings import Finding, ok
from demo.processes.ports import is_free
from demo.subjects.cluster.deployment import Tell
from demo.subjects.cluster.members import Member, Members

PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True)
class ComposeSpec:
    """What is brought up when it does not run yet. `ports`: the ports of 127.0.0.1 it publishes, by service."""

    project: str
    file: Path
    images: tuple[str, ...]
    environ: dict[str, str]
    ports: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the project's name, before compose refuses it in many more words. Raises `UsageError`."""
        if not PROJECT.fullmatch(self.project):
            raise UsageError(
                f"{self.project[:60]!r} is not a valid compose project name: use a-z, 0-9, '_' and '-', "
                "and begin with a letter or a digit"
            )


@dataclass(frozen=True)
class DeploymentOptions:
    """`attach`: the cluster runs already; nothing of it is started or removed. `keep`: what is brought up stays."""

    attach: bool = False
    keep: bool = False
    allow_unlabelled: bool = False


class ComposeDeployment:
    """A `Deployment` on the container engine of this machine."""

    def __init__(self, plans: ComposeSpec, terms: DeploymentOptions) -> None:
        self.plans, self.terms = plans, terms
        self.engine = Engine()
        self._watch = EngineWatch(self.engine, plans.project, self._on_news)
        self._compose = Compose(
            plans.project, plans.file, plans.environ | {"DEMO_OWNER": ownership.mine(keep=terms.keep)}
        )
        self._claim = ownership.ProjectClaim(plans.project, keep=terms.keep)
        self._members = Members((), None)
        self._changed: Callable[[], None] = lambda: None
        self._tell: Tell = lambda text: None
        self.judge: Callable[[Sequence[Container]], Awaitable[object]] | None = None
        """Checks the containers that are attached to. Raises `SubjectError` if the subject cannot present them."""

    @property
    def watch(self) -> EngineWatch:
        return self._watch

    def connect(self, members: Members, changed: Callable[[], None], tell: Tell) -> None:
        self._members, self._changed, self._tell = members, changed, tell

    def _on_news(self) -> None:
        self._changed()

    async def check(self) -> None:
        try:
            containers = await self.engine.containers(self.plans.project)
            self._compose.environ |= self.engine.environ()
            if not self.terms.attach:
                await self._compose.check()
            elif not containers:
                raise SubjectError(
                    f"there is no container of the compose project {self.plans.project!r} on this engine"
                )
            elif self.judge is not None:
                await self.judge(containers)
        except EngineError as error:
            raise SubjectError(str(error)) from error
        finally:
            # `check` runs in an event loop of its own, and a session cannot be used in another one.
            await self.engine.close()

    async def examine(self) -> Finding:
        """Check, for `demo doctor`, the project that is attached to. Raises `SubjectError`."""
        try:
            await self.check()
            names = ", ".join(sorted(one.called for one in await self.listed()))
        finally:
            await self.engine.close()
        return ok(f"project {self.plans.project}", f"can be presented; containers: {names}")

    async def listed(self) -> tuple[Container, ...]:
        """Return all containers of the project, those that do not run included. Raises `SubjectError`."""
        try:
            return await self.engine.containers(self.plans.project)
        except EngineError as error:
            raise SubjectError(str(error)) from error

    async def bring_up(self) -> None:
        """Start what does not run yet, and leave what runs as it is.

        Containers that a crashed show left behind become this show's, which removes them in the end.
        """
        if self.terms.allow_unlabelled:
            self._tell(
                f"faults can break every container of {self.plans.project} that this show uses, with "
                "the label or without"
            )
        if self.terms.attach:
            return
        found = await self.listed()
        self._compose.environ |= self.engine.environ()
        claim = self._claim.take(found, self.engine.where)
        found = await self._unpause_all(found, claim)
        lacking = self._list_missing(found)
        if found and not lacking:
            explanation = (
                "was left by a show that has ended; it is removed at the end of this one"
                if claim == "left"
                else "stays when this show ends"
            )
            self._tell(f"{self.plans.project} is already running; it {explanation}")
            return
        self._check_free(claim, lacking)
        self._check_ports(lacking)
        if found:
            self._tell(f"{self.plans.project} is running only in part: starting {', '.join(lacking)}")
        else:
            await self._pull_images()
            self._check_ports(lacking)
            self._tell(f"starting {self.plans.project} with compose")
        self._claim.note_start(claim)
        await self._compose.up()

    def _check_free(self, claim: ownership.Ownership, lacking: Sequence[str]) -> None:
        """Raise `SubjectError` if another show owns the project: what it has broken is its own to heal."""
        if claim == "another's":
            raise SubjectError(
                f"another show uses {self.plans.project}, and {', '.join(lacking)} of it is not running: "
                "wait until that show ends, or use another project (-o project=NAME)"
            )

    async def _unpause_all(self, found: tuple[Container, ...], claim: ownership.Ownership) -> tuple[Container, ...]:
        """Unpause paused containers, which compose would leave paused; return the containers as they are then."""
        frozen = [one for one in found if one.state == "paused" and claim != "another's"]
        for member in self._members:
            for container in _containers_of(member, frozen):
                await self._start(member, container)
        return await self.listed() if frozen else found

    async def _pull_images(self) -> None:
        try:
            await pull(self.engine, self.plans.images, self._tell)
        except EngineError as error:
            raise SubjectError(str(error)) from error

    def _check_ports(self, services: Sequence[str]) -> None:
        """Check that the ports are free, as compose would notice only after it has created half of the project."""
        taken = [port for name in services for port in self.plans.ports.get(name, ()) if not is_free(port)]
        if taken:
            ports_text = ", ".join(map(str, taken))
            raise SubjectError(
                f"in use on 127.0.0.1: port {ports_text}; stop the program that uses it, or "
                "choose other ports (-o base-port=PORT)"
            )

    def _list_missing(self, found: Sequence[Container]) -> list[str]:
        return [
            member.id for member in self._members if not any(one.is_running for one in _containers_of(member, found))
        ]

    async def update_addresses(self) -> None:
        self._members.update_from_containers(await self.listed())

    async def restore(self) -> None:
        found = await self.listed()
        if not self.terms.attach and (lacking := self._list_missing(found)):
            claim = self._claim.take(found, self.engine.where)
            self._check_free(claim, lacking)
            # Compose is needed only for containers that do not exist; those that do are started below without it.
            if not all(_containers_of(member, found) for member in self._members):
                self._claim.note_start(claim)
                await self._compose.up(self._list_withheld(found))
        for member in self._members:
            containers = _containers_of(member, found)
            if containers and not any(container.is_running for container in containers):
                await self._start(member, containers[0])

    def _list_withheld(self, found: Sequence[Container]) -> frozenset[str]:
        """Return the services that compose would start too, although no fault and no heal may touch them."""
        return frozenset(one.service for one in found if not one.is_running and not self._may_touch(one))

    def _may_touch(self, container: Container) -> bool:
        return container.is_target or self.terms.allow_unlabelled

    async def _start(self, member: Member, container: Container) -> None:
        if not self._may_touch(container):
            raise SubjectError(f"{member.id} is not running, and has no label demo.target=true: start it by hand")
        try:
            await (self.engine.unpause if container.state == "paused" else self.engine.start)(container.id)
        except EngineError as error:
            raise SubjectError(str(error)) from error

    async def take_down(self) -> None:
        try:
            if self._claim.is_ours_to_remove:
                await self._compose_down()
                self._claim.is_ours_to_remove = False
        finally:
            self._claim.release()

    async def _compose_down(self) -> None:
        """Run `down`, once more if it soon fails: somebody may have started just then what was being removed."""
        until = time.monotonic() + DOWN_SEC
        try:
            await self._compose.down(DOWN_SEC)
        except SubjectError:
            if (remaining_sec := until - time.monotonic()) < DOWN_SEC / 2:
                raise
            await self._compose.down(remaining_sec)

    async def close(self) -> None:
        await self.engine.close()


def _containers_of(member: Member, found: Sequence[Container]) -> list[Container]:
    return [container for container in found if member.is_in(container)]
