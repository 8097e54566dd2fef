"""The system of a running show: its processes, proxies, probes and faults, and what steps and predictions see of it."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from demo.conditions import Condition, Facts, parse
from demo.errors import FaultError, SubjectError
from demo.load.book.sender import BookState
from demo.processes.owned.client import OwnedProcesses
from demo.processes.owned.spec import ProcessState as OwnedState
from demo.proxy.launch import ShowProxies
from demo.proxy.route import ProxyRoute
from demo.show.commands import Command
from demo.show.following import FollowedShow
from demo.showfile.board import EditedProbes, ProbeBoard
from demo.showfile.containers import ShowContainers
from demo.showfile.drivers import DriverContext, Secrets, build_drivers, driver_of_plan
from demo.showfile.drivers.build import describe_targets
from demo.showfile.drivers.fresh import AskProbes
from demo.showfile.drivers.json_fault import SharedDocuments
from demo.showfile.drivers.steps import StepRunner
from demo.showfile.drivers.substitution import fill, from_values, names_in
from demo.showfile.links import Links, read_links
from demo.showfile.loads import LoadFacts, ShowLoads
from demo.showfile.log_events.show_events import ShowEvents, event_program_specs
from demo.showfile.panels.show_panels import ShowPanels, program_specs
from demo.showfile.probing.kinds import Sources, open_session
from demo.showfile.process_ends import ProcessEnds
from demo.showfile.process_facts import ProcessFacts, process_spec
from demo.showfile.schema.front_matter import FrontMatter
from demo.showfile.show import Show
from demo.showfile.show_poller import ShowPoller
from demo.showfile.system_facts import describe_parts
from demo.types import FaultDriver, Plan

AddFacts = Callable[[Facts], Facts]
"""Returns the facts of a file, and what else its conditions may name."""


@dataclass(frozen=True)
class EditedSystem:
    """What an edit of the file changes in a running system. `gone_nodes`: what nothing tells of any more."""

    show: Show
    probes: EditedProbes
    drivers: tuple[FaultDriver, ...]
    links: Links
    gone_nodes: tuple[str, ...]


class RunningSystem:
    """What a show file describes, while it runs. Nothing is started before `start`; a healer needs only `drivers`."""

    def __init__(self, show: Show, *, allow_unlabelled: bool = False, add_facts: AddFacts = lambda own: own) -> None:
        self._show, settings = show, show.settings
        self._folder = (show.source.folder or Path.cwd()).absolute()
        self._secrets = Secrets({name: secret.env for name, secret in settings.secrets.items()})
        self._session: aiohttp.ClientSession | None = None
        self._followed: FollowedShow | None = None
        self._tell: Callable[[str], None] = lambda text: None
        self._answers: asyncio.Event = asyncio.Event()
        self._is_presenter = False
        """Whether the proxies are this server's to end: another one may present the same show, and use them."""
        self.processes = self._own_processes()
        self.proxies = ShowProxies(
            show.name, [ProxyRoute.read(name, proxy.listen, proxy.to) for name, proxy in settings.proxies.items()]
        )
        self.containers = ShowContainers(show, self._folder)
        self._sources = self._make_sources()
        self.panels = ShowPanels(settings.panels, self.processes, self.containers, self._secrets.values)
        self.events = ShowEvents(settings.events, self.processes, self.containers, self.mask, self._enqueue)
        self.board = ProbeBoard(settings.probes, self._sources, settings.groups)
        self.loads = ShowLoads(settings.load, self._fill, self.wake, show.name)
        self._own_facts = LoadFacts(self.board, self.loads)
        self._facts = add_facts(self._own_facts)
        self._links = read_links(settings.links)
        self.poller = self._make_poller()
        self._context = DriverContext(
            AskProbes(self._sources),
            board=self._facts,
            folder=self._folder,
            engine=self.containers.engine,
            project=self.containers.project,
            owns=self.containers.owns,
            allow_unlabelled=allow_unlabelled,
            secrets=self._secrets,
            loads=self.loads,
            processes=self.processes,
            proxies=self.proxies,
        )
        self._documents = SharedDocuments()
        self.drivers = build_drivers(settings, self._context, self._documents)
        self._ends = ProcessEnds(
            self.mask, lambda: bool(self.running_faults()), self._is_acting, partial(self._enqueue, "system")
        )
        self.board.on_answer(self.wake)
        self.processes.on_change(self._process_changed)
        self.containers.on_change = self._hurry
        self.containers.on_state = self._ends.take_container

    # What it is made of.

    def _own_processes(self) -> OwnedProcesses:
        """Return the processes of the show, and beside them the programs of its panels and events."""
        settings = self._show.settings
        specs = [
            process_spec(name, process, self._folder, self._fill_if_known)
            for name, process in settings.processes.items()
        ]
        programs = [
            *program_specs(settings.panels, self._folder),
            *event_program_specs(settings.events, self._folder),
        ]
        self._is_supervised = bool(specs or programs)
        return OwnedProcesses(self._show.name, specs, self._judges(), side_specs=programs)

    def _make_poller(self) -> ShowPoller:
        more = [self._tell_targets, self._tell_loads, self._tell_problems]
        mask = self.mask if self._show.settings.secrets else None
        beside = [self.containers.watch] if self.containers.is_watched else []
        return ShowPoller(self.board, self._links, more, mask, beside)

    def _make_sources(self) -> Sources:
        """Return what probes ask with, once containers and processes are known."""
        of_processes = ProcessFacts(self.processes, self.containers)
        return Sources(
            self._get_session,
            engine=self.containers.engine,
            project=self.containers.project,
            ended_lately=self.containers.ended_lately,
            process=of_processes.state,
            log=of_processes.log_of,
            fill=self._fill_if_known,
            folder=self._folder,
        )

    def _judges(self) -> dict[str, Callable[[], Any]]:
        """Return for each process with a `ready` what judges it, by fresh answers of the probes it names."""
        judges: dict[str, Callable[[], Any]] = {}
        for name, process in self._show.settings.processes.items():
            if process.ready is not None:
                judges[name] = self._judge(parse(process.ready))
        return judges

    def _judge(self, condition: Condition) -> Callable[[], Any]:
        named = {use.parts[0] for use in condition.names()}
        probes = {name: probe for name, probe in self._show.settings.probes.items() if name in named}

        async def is_ready() -> bool:
            facts = await self._context.ask_probes(
                probes or self._show.settings.probes, self._show.settings.groups, self._fill
            )
            return condition.truth(facts) is True

        return is_ready

    def _get_session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = open_session()
        return self._session

    def _fill(self, text: str) -> str:
        """Fill in secrets. Raises `FaultError`, which names the variable to set, for one without a value."""
        self._secrets.require(names_in(text))
        return fill(text, self._secrets.look_up(from_values({})))

    def _fill_if_known(self, text: str) -> str:
        """Fill in secrets; a healer need not have those of processes and of the board: it neither starts nor asks them.

        Whoever does has required all of them before.
        """
        try:
            return self._fill(text)
        except FaultError:
            return text

    def _tell_targets(self) -> Mapping[str, Any]:
        """Return what the buttons of faults whose target changes say."""
        return {"victims": describe_targets(self.drivers)}

    def _tell_loads(self) -> Mapping[str, Any]:
        """Return the cards and curves of loads."""
        return self.loads.sample(self._links.ends(self.board.ids))

    def _tell_problems(self) -> Mapping[str, Any]:
        """Return why processes are not running that nothing has ended but themselves."""
        return {"problems": list(dict.fromkeys(self._ends.problems.values()))} if self._ends.problems else {}

    # Edits of the file while it runs.

    def prepare(self, show: Show) -> EditedSystem:
        """Return what an edited show has in place of this one's; changes nothing. Raises `DemoError`."""
        settings = show.settings
        self._require_secrets(settings)
        probes = self.board.prepare(settings.probes, settings.groups)
        gone = self.board.missing_in(probes) | {name for name in self.loads.names if name not in settings.load}
        drivers = build_drivers(settings, self._context, self._documents)
        return EditedSystem(show, probes, drivers, read_links(settings.links), tuple(sorted(gone)))

    def adopt(self, edited: EditedSystem) -> None:
        """Go on with the probes, faults and links of an edited show."""
        self._show, self.drivers, self._links = edited.show, edited.drivers, edited.links
        self.board.adopt(edited.probes)
        self.events.adopt(edited.show.settings.events)
        self.poller.adopt(edited.links)

    async def adopt_loads(self, edited: EditedSystem) -> None:
        """Go on with the loads of an edited show. Raises `SubjectError`."""
        with self._masked():
            await self.loads.adopt(edited.show.settings.load)

    def driver_for(self, name: str, plan: Plan) -> FaultDriver | None:
        """Return a driver that heals this plan, whatever the file says; None for one that no show file has made."""
        return driver_of_plan(name, plan, self._context)

    # Its life.

    def check(self) -> None:
        """Check that every secret has a value. Raises `SubjectError` naming the variables to set."""
        self._require_secrets(self._show.settings)

    def _require_secrets(self, settings: FrontMatter) -> None:
        used = names_in(settings.model_dump(mode="json", exclude={"secrets"}))
        try:
            self._secrets.require(used)
        except FaultError as error:
            raise SubjectError(str(error)) from error

    def listen(self, tell: Callable[[str], None]) -> None:
        """Report the progress of the start with `tell`."""
        self._tell = tell
        self.containers.listen(lambda text: tell(self.mask(text)))

    def follow(self, show: FollowedShow) -> None:
        """See which faults are in place; what waits for a condition looks again whenever the show moves."""
        self._followed = show
        show.subscribe(lambda _: self._show_moved())

    def _enqueue(self, who: str, command: Command) -> None:
        if self._followed is not None:
            self._followed.enqueue(who, command)

    def mask(self, text: str) -> str:
        """Return a text without the value of any secret: a program may have printed it."""
        return self._secrets.mask(text)

    async def start(self) -> None:
        """Start containers, proxies, and processes in the order of the file; then the loads. Raises `SubjectError`."""
        with self._masked():
            await self._start()

    @contextmanager
    def _masked(self) -> Iterator[None]:
        """Raise a `SubjectError` from within anew, masked: it may end with what a process has printed last."""
        try:
            yield
        except SubjectError as error:
            raise SubjectError(self.mask(str(error))) from None

    async def _start(self) -> None:
        adopted = False
        if self._is_supervised or self.proxies.routes:
            # The supervisor admits one server only: a second one must not touch the proxies of the first.
            adopted = await self.processes.admit()
            self._is_presenter = True
        self.panels.start()
        self.events.start()
        await self.containers.start()
        if self.proxies.routes:
            await self.proxies.start()
        if self._is_supervised:
            started = await self.processes.start()
            if adopted:
                self._tell("the processes of an earlier server were still running: this show goes on with them")
            for name in started.changed:
                self._tell(f"process {name} was started anew, because the file describes it otherwise now")
        self.loads.start()

    async def describe(self) -> Sequence[tuple[str, str]]:
        """Return what the system runs on, without the value of any secret."""
        found = await describe_parts(self._show.settings, self.board, self.containers)
        return [(name, self.mask(value)) for name, value in found]

    async def heal(self) -> None:
        """Start what has died and replace what hangs. Raises `SubjectError` naming all that did not come back."""
        with self._masked():
            await self._heal()

    async def _heal(self) -> None:
        if self.proxies.routes:
            await self.processes.admit()
            self._is_presenter = True
            await self.proxies.start()
        errors = [error] if (error := await self.containers.heal()) else []
        for name in self.processes.specs:
            try:
                await self.processes.restart(name)
            except SubjectError as error:
                errors.append(str(error))
        self.loads.start()  # they are not running if the start has failed
        if errors:
            raise SubjectError("; ".join(errors))

    async def stop(self) -> None:
        """End all that was started. Raises `SubjectError` for what does not end."""
        self._ends.forget()
        try:
            await self.events.stop()
            await self.panels.stop()
            await self.loads.stop()
            await self.processes.stop()  # also when the start was cancelled before it knew of them
        finally:
            if self.proxies.routes and self._is_presenter:
                await self.proxies.stop()
            await self._close()

    async def _close(self) -> None:
        try:
            await self.board.close()
            await self.containers.stop()
        finally:
            if self._session is not None:
                await self._session.close()

    # What steps and predictions see.

    @property
    def facts(self) -> Facts:
        return self._facts

    async def ask_once(self) -> Facts:
        """Ask every probe once, with connections of its own, as a check before the show."""
        settings = self._show.settings
        return await self._context.ask_probes(settings.probes, settings.groups, self._fill)

    def ask_books(self, condition: Condition) -> bool:
        """Read all writes again that a condition asks for; return whether it asks for any."""
        names = self._own_facts.books_in(condition)
        self.loads.ask_books(names)
        return bool(names)

    def books_of(self, condition: Condition) -> Sequence[BookState]:
        """Return what is known of the writes that a condition asks for."""
        states = map(self.loads.book, sorted(self._own_facts.books_in(condition)))
        return [state for state in states if state is not None]

    async def wait_for_change(self) -> None:
        """Return once a probe has answered, a load has measured, or the show has moved."""
        await self._answers.wait()

    def wake(self) -> None:
        """Let everything that waits for a change look again."""
        answers, self._answers = self._answers, asyncio.Event()
        answers.set()

    def _show_moved(self) -> None:
        """Let loads measure since the oldest fault that is in place began."""
        faults = self._followed.state.faults if self._followed else ()
        self.loads.measure_since(min((f.injected_at for f in faults if f.is_running and f.injected_at), default=None))
        self.wake()

    def _process_changed(self, state: OwnedState) -> None:
        """Ask the probes of a process at once when its supervisor tells of a change, and tell of its end."""
        self._hurry(state.name)
        if state.name in self.processes.specs:  # and not a program of a panel, which says so itself
            self._ends.take(state)

    def _hurry(self, owner: str) -> None:
        """Ask at once what tells of this process or container."""
        for name, probe in self._show.settings.probes.items():
            if owner in (probe.process, probe.behind, probe.docker, probe.container):
                self.poller.hurry(name)
        self.poller.hurry(owner)

    def _is_acting(self) -> bool:
        return self._followed is not None and any(one.status == "running" for one in self._followed.state.actions)

    def running_faults(self) -> Sequence[str]:
        """Return the faults that are in place, oldest first."""
        faults = [fault for fault in self._followed.state.faults if fault.is_running] if self._followed else []
        return [fault.name for fault in sorted(faults, key=lambda fault: fault.injected_at or 0.0)]

    async def perform(self, action: Mapping[str, Any], timeout: float) -> None:
        """Run a command or send a request for a step. Raises `FaultError`."""
        await StepRunner(self._context, {}, self._secrets, self._context.cwd).perform(action, timeout)

    def set_load(self, name: str, rate: float | None) -> None:
        """Set the arrivals a second of a load; None for its own rate. Raises `SubjectError`."""
        self.loads.set_rate(name, rate)
