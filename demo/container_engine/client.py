"""The container engine: asked through aiodocker, each time within a deadline, every failure one `EngineError`."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from demo.container_engine.container import PROJECT_LABEL, Container, read
from demo.container_engine.discovery import EngineEndpoint, at, find
from demo.container_engine.errors import EngineRefused, absent, hung, translated
from demo.container_engine.event_stream import EventStream
from demo.container_engine.image_pull import layers
from demo.container_engine.selector import Selector, pick
from demo.errors import EngineError

if TYPE_CHECKING:
    import aiohttp
    from aiodocker import Docker

T = TypeVar("T")

ANSWER_SEC = 5.0
DEED_SEC = 12.0
"""An engine waits up to 10 s itself for the end of what it kills."""

GRACE_SEC = 3
LOOKS_AT_ONCE = 8

_answers: "ContextVar[list[aiohttp.ClientResponse]]" = ContextVar("answers to the question that is asked")


class Engine:
    """`url`: where it is; else it is looked for as the docker client does, when it is first asked something.

    `answer_sec`: what an answer may take; deeds get longer.
    """

    def __init__(self, url: str | None = None, answer_sec: float = ANSWER_SEC) -> None:
        self._url = url
        self._answer_sec = answer_sec
        self._place: EngineEndpoint | None = None
        self._client: Docker | None = None

    @property
    def where(self) -> str:
        """For people; before the first question, and when nothing is found, only what was asked for."""
        return self._place.said if self._place else self._url or "the docker client's default"

    def environ(self) -> dict[str, str]:
        """What makes a docker client ask the same engine, once this one has been asked something."""
        place = self._place
        found_here = place is not None and place.url.startswith("unix://") and not os.environ.get("DOCKER_HOST")
        return {"DOCKER_HOST": place.url} if place is not None and found_here else {}

    async def identity(self) -> str:
        """Two engines never have the same one: on one machine they may share an ID, never the folder of their data."""
        told = await self.info()
        version = await self._ask("tell its version", lambda client: client.version())
        names = {part.get("Name") for part in version.get("Components") or ()}
        if "Podman Engine" in names:  # its ID is another one at each question
            return f"podman {told.get('Name')} {told.get('DockerRootDir')}"
        if not told.get("ID"):
            raise EngineError(f"the container engine at {self.where} does not say which one it is")
        return f"{told['ID']} {told.get('DockerRootDir') or ''}".rstrip()

    async def info(self) -> Mapping[str, Any]:
        async def ask(client: "Docker") -> Mapping[str, Any]:
            told = await client.system.info()
            return {**told}

        return await self._ask("tell about itself", ask)

    async def containers(self, project: str = "") -> tuple[Container, ...]:
        """All of them, or all of a compose project: those that do not run too."""
        asked: dict[str, Any] = {"all": True}
        if project:
            asked["filters"] = {"label": [f"{PROJECT_LABEL}={project}"]}
        listed = await self._ask("list containers", lambda client: client.containers.list(**asked))
        gate = asyncio.Semaphore(LOOKS_AT_ONCE)

        async def look(ident: str) -> Container | None:
            async with gate:
                return await self.look(ident)

        looks = await asyncio.gather(*(look(item.id) for item in listed))
        return tuple(container for container in looks if container is not None)

    async def look(self, ident: str) -> Container | None:
        """None: the engine has no such container."""

        async def ask(client: "Docker") -> Container:
            return read(await client.containers.container(ident).show())

        try:
            return await self._ask(f"tell about {ident[:12]}", ask)
        except EngineRefused as error:
            if absent(error):
                return None
            raise

    async def find(self, selector: Selector, *, allow_unlabelled: bool = False) -> Container:
        """The one that is meant; what keeps it from being touched is an `EngineError`."""
        return pick(selector, await self.containers(selector.project), allow_unlabelled=allow_unlabelled)

    async def kill(self, ident: str) -> None:
        await self._do("kill", ident, lambda client: client.containers.container(ident).kill(signal="SIGKILL"))

    async def stop(self, ident: str, grace_sec: int = GRACE_SEC) -> None:
        """SIGTERM, and SIGKILL after `grace_sec`."""
        await self._do(
            "stop", ident, lambda client: client.containers.container(ident).stop(t=grace_sec), DEED_SEC + grace_sec
        )

    async def start(self, ident: str) -> None:
        """Nothing happens to one that runs."""
        await self._do("start", ident, lambda client: client.containers.container(ident).start())

    async def pause(self, ident: str) -> None:
        await self._do("pause", ident, lambda client: client.containers.container(ident).pause())

    async def unpause(self, ident: str) -> None:
        await self._do("unpause", ident, lambda client: client.containers.container(ident).unpause())

    async def disconnect(self, network: str, ident: str) -> None:
        await self._on_network(network, "disconnect", {"Container": ident})

    async def connect(
        self, network: str, ident: str, aliases: Sequence[str], settings: Mapping[str, Any] | None = None
    ) -> None:
        """`settings`: the endpoint's others, as `Container.settings` keeps them."""
        endpoint = dict(settings or {}) | ({"Aliases": list(aliases)} if aliases else {})
        await self._on_network(network, "connect", {"Container": ident, "EndpointConfig": endpoint})

    async def _on_network(self, network: str, deed: str, order: Mapping[str, Any]) -> None:
        async def ask(client: "Docker") -> None:
            found = [known for known in await client.networks.list() if known["Name"] == network]
            if not found:
                raise EngineError(f"there is no network {network} any more: create it again")
            await getattr(await client.networks.get(found[0]["Id"]), deed)(dict(order))

        await self._ask(f"{deed} {str(order['Container'])[:12]} and {network}", ask, DEED_SEC)

    async def has_image(self, name: str) -> bool:
        try:
            await self._ask(f"look for the image {name}", lambda client: client.images.inspect(name))
        except EngineRefused as error:
            if error.status == 404:
                return False
            raise
        return True

    async def pull(self, image: str) -> AsyncIterator[tuple[int, int]]:
        """Load an image; tells again and again how many bytes are here, and of how many. Raises `EngineError`."""
        async for done in layers(self._opened(), self.where, image):
            yield done

    async def events(self, kinds: Mapping[str, Sequence[str]]) -> EventStream:
        """What happens from now on: `kinds` are the types and the actions that are wanted. To be closed."""
        return await self._ask("tell what happens", lambda client: EventStream.opened(client, kinds), to_be_read=True)

    async def close(self) -> None:
        """Safe to call twice; a later question opens it again."""
        client, self._client = self._client, None
        if client is not None:
            await client.session.close()

    async def _do(
        self, deed: str, ident: str, ask: "Callable[[Docker], Awaitable[object]]", within_sec: float = DEED_SEC
    ) -> None:
        await self._ask(f"{deed} {ident[:12]}", ask, within_sec)

    async def _ask(
        self,
        doing: str,
        ask: "Callable[[Docker], Awaitable[T]]",
        within_sec: float | None = None,
        to_be_read: bool = False,
    ) -> T:
        """`to_be_read`: the answer is a stream, which stays open when this has returned."""
        import aiohttp  # noqa: PLC0415 - see _opened
        from aiodocker.exceptions import DockerError  # noqa: PLC0415 - see _opened

        client, within_sec = self._opened(), within_sec or self._answer_sec
        answers: list[aiohttp.ClientResponse] = []
        _answers.set(answers)
        nonsense = (ValueError, LookupError, TypeError, AttributeError)
        try:
            async with asyncio.timeout(within_sec):
                told = await ask(client)
        except TimeoutError as error:
            raise hung(self.where, within_sec) from error
        except (DockerError, aiohttp.ClientError, OSError, *nonsense) as error:
            client.api_version = "auto"  # whoever answers next may speak another one
            raise translated(error, self.where, doing) from error
        else:
            answers = [] if to_be_read else answers
            return told
        finally:
            for answer in answers:
                answer.close()  # aiodocker leaves one open that it cannot read

    def _opened(self) -> "Docker":
        """aiodocker is loaded by whoever has a container engine to ask: a show without one starts sooner."""
        if self._client is None:
            import aiohttp  # noqa: PLC0415
            from aiodocker import Docker  # noqa: PLC0415

            place = self._place = at(self._url) if self._url else find()
            scheme, _, path = place.url.partition("://")
            # No connection is kept: one that the engine has closed meanwhile would fail the next question.
            connector: aiohttp.BaseConnector
            if scheme == "unix":
                connector, url = aiohttp.UnixConnector(path, force_close=True), "unix://localhost"
            else:
                connector, url = aiohttp.TCPConnector(ssl=place.tls or True, force_close=True), place.url
            noting = aiohttp.TraceConfig()
            noting.on_request_end.append(_note)
            session = aiohttp.ClientSession(
                connector=connector, timeout=aiohttp.ClientTimeout(), trace_configs=[noting]
            )
            self._client = Docker(url, connector, session)
        return self._client


async def _note(session: object, context: object, end: "aiohttp.TraceRequestEndParams") -> None:
    _answers.get([]).append(end.response)
