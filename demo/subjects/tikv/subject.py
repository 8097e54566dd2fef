"""TiKV as the subject of a show: three PDs and three stores in containers, or a cluster that runs already."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from demo.container_engine import Engine
from demo.errors import UsageError
from demo.faults.container import ContainerFault
from demo.faults.process_signal import SignalFault
from demo.findings import Finding, together
from demo.probes.periodic import Pulse
from demo.subjects.cluster.chapter_actions import KillScenario
from demo.subjects.cluster.cluster import Cluster
from demo.subjects.cluster.compose_deployment import ComposeDeployment, ComposeSpec, DeploymentOptions
from demo.subjects.cluster.deployment import ExternalDeployment
from demo.subjects.cluster.doctor import Needs, examine_engine
from demo.subjects.cluster.members import Member
from demo.subjects.cluster.poller import ClusterPoller
from demo.subjects.packaged_deck import packaged_deck
from demo.subjects.tikv.chapter_actions import TikvActions
from demo.subjects.tikv.description import describe_tikv
from demo.subjects.tikv.discovery import AGAIN_SEC, MemberDiscovery
from demo.subjects.tikv.doctor import examine_urls
from demo.subjects.tikv.faults import KILL, faults, signal_faults
from demo.subjects.tikv.health_sample import TikvHealth
from demo.subjects.tikv.playground.deployment import Playground
from demo.subjects.tikv.playground.processes import PlaygroundProcesses
from demo.subjects.tikv.playground.tiup import examine_tiup
from demo.subjects.tikv.prometheus_qps import PrometheusQps
from demo.subjects.tikv.topology import KV_PORT, PD_PORT, STATUS_PORT, Topology
from demo.subjects.tikv.words import leads_within_sec, words_of
from demo.types import Chapter, FaultDriver, Stage

PROJECT = "demo-tikv"
PD_IMAGE = "pingcap/pd:v8.5.7"
TIKV_IMAGE = "pingcap/tikv:v8.5.7"
FIRST_PORT = 23801
EACH = 3
MEMORY = 3_000_000_000
"""The bytes of memory that three PDs and three stores need."""

MAX_OFFSET = 12_000
"""Above it, tiup's ports would lie in the range from which the kernel takes ports for outgoing connections."""

UP_SEC = 180.0
"""A new cluster needs it to elect PD's leader, create its first region, and copy that twice."""


class Tikv:
    """`attach`: a compose project that runs already. `pd`: URLs of PDs; without `attach`, a cluster known by URL only.

    `tiup`: a tiup playground instead of containers; `port_offset` shifts its ports.

    `load`: operations per second once the chapters start the load. `base_port`: the first of nine ports on loopback.
    """

    name = "tikv"
    title = "A store is dead"

    def __init__(
        self,
        attach: str | None = None,
        pd: Sequence[str] = (),
        prometheus: str | None = None,
        keep: bool = False,
        allow_unlabelled: bool = False,
        tiup: bool = False,
        load: float = 100.0,
        base_port: int = FIRST_PORT,
        port_offset: int = 0,
        project: str = PROJECT,
    ) -> None:
        if not 1 <= load <= 5000:
            raise UsageError(f"load must be between 1 and 5000 operations a second, not {load!r}")
        if port_offset and not tiup:
            raise UsageError("tikv: port-offset moves the ports of a playground: give --tiup too")
        urls = tuple(_url("--pd", url) for url in pd)
        self._is_own = attach is None and not urls
        playground = _playground(port_offset, is_alone=self._is_own and not keep) if tiup else None
        self._plans = _plans(attach or project, base_port)
        terms = DeploymentOptions(attach is not None, keep, allow_unlabelled)
        in_containers = playground is None and (self._is_own or attach is not None)
        ground = ComposeDeployment(self._plans, terms) if in_containers else None
        self.cluster = Cluster(ground or playground or ExternalDeployment(), (), "demo.subjects.tikv.client.kv_store")
        session = self.cluster.connections.session
        self.parts = Topology(session)
        prometheus_qps = (
            PrometheusQps(session, _url("--prometheus", prometheus), self.cluster.check_for_changes)
            if prometheus
            else None
        )
        self.health = TikvHealth(
            self.cluster, self.parts, prometheus_qps.pulse if prometheus_qps else None, is_own=self._is_own
        )
        self._poller = ClusterPoller(self.health.build)
        # The members of our compose file are known; those of any other cluster are asked from PD.
        is_known = self._is_own and playground is None
        discovery = None if is_known else MemberDiscovery(self.parts, self.cluster, urls, ground)
        self._connect_parts(prometheus_qps, discovery)
        self._faults: Sequence[ContainerFault | SignalFault] = faults(self.cluster, ground, self.health)
        if playground is not None and discovery is not None:
            playground.join(self.parts, discovery)
            keeper = PlaygroundProcesses(playground, self.cluster, self.parts)
            self._faults = signal_faults(keeper, self.health, self.cluster)
        self._playground = playground
        self._actions: TikvActions | None = None
        self._rate, self._urls, self._session = load, urls, session

    def _connect_parts(self, prometheus_qps: PrometheusQps | None, discovery: MemberDiscovery | None) -> None:
        cluster = self.cluster
        cluster.on_change = self._poller.check_for_changes
        cluster.endpoints = self.parts.endpoints
        cluster.missing = self.health.missing
        cluster.up_sec = UP_SEC
        self.parts.changed = cluster.check_for_changes
        cluster.members.added = self._follow_member
        self._poller.follow([cluster.client_pulse], cluster.watch)
        if prometheus_qps is not None:
            self.parts.asks_qps = lambda: prometheus_qps.is_missing
            prometheus_qps.tell = self._notify
            self._poller.follow([prometheus_qps.pulse])
        if discovery is not None:
            cluster.learn = discovery.learn
            if isinstance(cluster.deployment, ComposeDeployment):
                cluster.deployment.judge = discovery.judge
            self._poller.follow([Pulse(discovery.read, AGAIN_SEC, cluster.check_for_changes)])
            return
        for place in range(EACH):
            cluster.members.add(self.parts.add_pd(f"pd{place}", f"pd{place}", f"pd{place}:{PD_PORT}"))
        for place in range(EACH):
            name = f"tikv{place}"
            cluster.members.add(self.parts.add_store(name, f"{name}:{KV_PORT}", f"{name}:{STATUS_PORT}"))

    def _follow_member(self, member: Member) -> None:
        """Poll a new member, so that it gets a card."""
        qps = [store.qps for store in self.parts.stores if store.member is member]
        self._poller.follow([member.watched(self.cluster.check_for_changes), *qps])

    def _notify(self, text: str) -> None:
        self.cluster.notify(text)

    @property
    def description(self) -> str:
        return "TiKV, three PDs and three stores, stage profile" if self._is_own else "TiKV, a running cluster"

    @property
    def poller(self) -> ClusterPoller:
        return self._poller

    @property
    def faults(self) -> Sequence[FaultDriver]:
        return self._faults

    def chapters(self, stage: Stage) -> Sequence[Chapter]:
        return packaged_deck(Path(__file__).with_name("show.md"), stage, self)

    @property
    def words(self) -> Mapping[str, str]:
        """Words of the deck: what is killed and how, how long elections take, and the load."""
        return words_of(self._rate, is_staged=self._is_own, in_containers=self._playground is None)

    def actions(self, stage: Stage) -> TikvActions:
        """Return the actions of the show's one deck, which remember the newest kill."""
        if self._actions is None:
            within = leads_within_sec(is_staged=self._is_own)
            scenario = KillScenario(KILL.name, self._rate, within, role="the leading store", where=" in one region")
            self._actions = TikvActions(stage, self.cluster, self._faults[0], scenario)
        return self._actions

    def listen(self, tell: Callable[[str], None]) -> None:
        self.cluster.notify = tell

    def check(self) -> None:
        asyncio.run(self.cluster.check())

    async def examine(self) -> Sequence[Finding]:
        """Run the checks of `demo doctor`."""
        if self._playground is not None:
            return await examine_tiup(self._playground.port_offset)
        if self._urls:
            return await examine_urls(self._session, self._urls)
        own = self._is_own
        ports = [port for some in self._plans.ports.values() for port in some] if own else []
        images = self._plans.images if own else ()
        found = await examine_engine(Engine(), Needs(self._plans.project, images, ports, MEMORY))
        ground = self.cluster.deployment
        if own or not isinstance(ground, ComposeDeployment):
            return found
        return (*found, *await together({f"project {self._plans.project}": ground.examine()}))

    async def describe_system(self) -> Sequence[tuple[str, str]]:
        return await describe_tikv(self.cluster, self.parts, self._rate)

    async def start(self) -> None:
        await self.cluster.start()

    @property
    def heal_sec(self) -> float:
        return self.cluster.heal_sec

    async def heal(self) -> None:
        await self.cluster.heal()

    async def stop(self) -> None:
        await self.cluster.stop()


def _playground(port_offset: int, *, is_alone: bool) -> Playground:
    """Return a playground, if it is compatible with the other options. Raises `UsageError`."""
    if not is_alone:
        raise UsageError(
            "tikv: --tiup starts a new cluster that ends with the show: leave out --attach, --pd and --keep"
        )
    if not 0 <= port_offset <= MAX_OFFSET:
        raise UsageError(f"tikv: port-offset must be between 0 and {MAX_OFFSET}, not {port_offset}")
    return Playground(port_offset)


def _plans(project: str, base_port: int) -> ComposeSpec:
    pd_image = os.environ.get("DEMO_PD_IMAGE") or PD_IMAGE
    tikv_image = os.environ.get("DEMO_TIKV_IMAGE") or TIKV_IMAGE
    ports: dict[str, tuple[int, ...]] = {f"pd{place}": (base_port + place,) for place in range(EACH)}
    environ = {f"DEMO_PORT_PD{place}": str(base_port + place) for place in range(EACH)}
    for place in range(EACH):
        first = base_port + EACH + 2 * place
        ports[f"tikv{place}"] = (first, first + 1)
        environ |= {f"DEMO_PORT_TIKV{place}": str(first), f"DEMO_PORT_STATUS{place}": str(first + 1)}
    images = {"DEMO_PD_IMAGE": pd_image, "DEMO_TIKV_IMAGE": tikv_image}
    file = Path(__file__).with_name("compose.yaml")
    return ComposeSpec(project, file, (pd_image, tikv_image), environ | images, ports)


def _url(flag: str, text: str) -> str:
    """Return the URL with a scheme, and without a slash at its end. Raises `UsageError` if it is not a server's URL."""
    url = text if "//" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or port == 0:
        raise UsageError(f"tikv: {flag} takes the URL of a server, like http://127.0.0.1:2379, not {text!r}")
    return url.rstrip("/")
