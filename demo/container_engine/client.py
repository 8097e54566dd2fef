"""Client of the container engine, through aiodocker: each request has a timeout, every failure is an `EngineError`."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from demo.container_engine.container import PROJECT_LABEL, Container, parse_container
from demo.container_engine.discovery import EngineEndpoint, endpoint_at, find
from demo.container_engine.errors import EngineRefused, is_no_such_container, no_answer_error, translate_error
from demo.container_engine.event_stream import EngineEventStream
from demo.container_engine.image_pull import pull_layers
from demo.container_engine.log_stream import LogStream
from demo.container_engine.selector import Selector, select_one
from demo.errors import EngineError

if TYPE_CHECKING:
    import aiohttp
    from aiodocker import Docker

T = TypeVar("T")

ANSWER_SEC = 5.0
ACTION_TIMEOUT_SEC = 12.0
"""The timeout of changes: an engine itself waits up to 10 s for the exit of a container that it kills."""

GRACE_SEC = 3
MAX_CONCURRENT_REQUESTS = 8

_responses: "ContextVar[list[aiohttp.ClientResponse]]" = ContextVar("answers to the question that is asked")


class Engine:
    """`url`: the engine's address; without one it is looked up as the docker client does, at the first request.

    `answer_sec`: the timeout of a question; changes get a longer one.
    """

    def __init__(self, url: str | None = None, answer_sec: float = ANSWER_SEC) -> None:
        self._url = url
        self._answer_sec = answer_sec
        self._endpoint: EngineEndpoint | None = None
        self._client: Docker | None = None

    @property
    def where(self) -> str:
        """The engine's address for people; until an engine was found, only what was asked for."""
        return self._endpoint.said if self._endpoint else self._url or "the docker client's default"

    def environ(self) -> dict[str, str]:
        """Return variables that make a docker client use the same engine; complete only after the first request."""
        endpoint = self._endpoint
        found_locally = (
            endpoint is not None and endpoint.url.startswith("unix://") and not os.environ.get("DOCKER_HOST")
        )
        return {"DOCKER_HOST": endpoint.url} if endpoint is not None and found_locally else {}

    async def identity(self) -> str:
        """Return a text that no two engines share. Raises `EngineError` when the engine does not tell its ID.

        Two engines on one machine may have the same ID, but never the same data folder, so both are part of it.
        """
        info = await self.info()
        version = await self._ask("report its version", lambda client: client.version())
        names = {part.get("Name") for part in version.get("Components") or ()}
        if "Podman Engine" in names:  # its ID differs at each request
            return f"podman {info.get('Name')} {info.get('DockerRootDir')}"
        if not info.get("ID"):
            raise EngineError(f"the container engine at {self.where} reports no ID, so it cannot be told from another")
        return f"{info['ID']} {info.get('DockerRootDir') or ''}".rstrip()

    async def version(self) -> str:
        """Return the engine's name and version, as `Docker 27.3.1`. Raises `EngineError`."""
        version = await self._ask("report its version", lambda client: client.version())
        names = {part.get("Name") for part in version.get("Components") or ()}
        return f"{'Podman' if 'Podman Engine' in names else 'Docker'} {version.get('Version') or ''}".rstrip()

    async def info(self) -> Mapping[str, Any]:
        async def ask(client: "Docker") -> Mapping[str, Any]:
            told = await client.system.info()
            return {**told}

        return await self._ask("report its settings", ask)

    async def containers(self, project: str = "") -> tuple[Container, ...]:
        """Return all containers, or all of a compose project, whether they run or not."""
        query: dict[str, Any] = {"all": True}
        if project:
            query["filters"] = {"label": [f"{PROJECT_LABEL}={project}"]}
        listed = await self._ask("list containers", lambda client: client.containers.list(**query))
        semaphore = asyncio.Semaphore(MAX_CONCURRENT_REQUESTS)

        async def inspect(ident: str) -> Container | None:
            async with semaphore:
                return await self.inspect(ident)

        inspected = await asyncio.gather(*(inspect(item.id) for item in listed))
        return tuple(container for container in inspected if container is not None)

    async def inspect(self, ident: str) -> Container | None:
        """Return the container as it is now; None if the engine has no such container."""

        async def ask(client: "Docker") -> Container:
            return parse_container(await client.containers.container(ident).show())

        try:
            return await self._ask(f"inspect {ident[:12]}", ask)
        except EngineRefused as error:
            if is_no_such_container(error):
                return None
            raise

    async def find(self, selector: Selector, *, allow_unlabelled: bool = False) -> Container:
        """Return the one container that the selector means and that may be touched. Raises `EngineError` otherwise."""
        return select_one(selector, await self.containers(selector.project), allow_unlabelled=allow_unlabelled)

    async def kill(self, ident: str) -> None:
        await self._change("kill", ident, lambda client: client.containers.container(ident).kill(signal="SIGKILL"))

    async def stop(self, ident: str, grace_sec: int = GRACE_SEC) -> None:
        """Stop it with SIGTERM, and SIGKILL after `grace_sec`."""
        await self._change(
            "stop",
            ident,
            lambda client: client.containers.container(ident).stop(t=grace_sec),
            ACTION_TIMEOUT_SEC + grace_sec,
        )

    async def start(self, ident: str) -> None:
        """Start it; do nothing if it is running."""
        await self._change("start", ident, lambda client: client.containers.container(ident).start())

    async def pause(self, ident: str) -> None:
        await self._change("pause", ident, lambda client: client.containers.container(ident).pause())

    async def unpause(self, ident: str) -> None:
        await self._change("unpause", ident, lambda client: client.containers.container(ident).unpause())

    async def disconnect(self, network: str, ident: str) -> None:
        await self._change_network(network, "disconnect", {"Container": ident})

    async def connect(
        self, network: str, ident: str, aliases: Sequence[str], settings: Mapping[str, Any] | None = None
    ) -> None:
        """Connect it to a network; `settings`: the endpoint's other settings, as in `Container.settings`."""
        endpoint = dict(settings or {}) | ({"Aliases": list(aliases)} if aliases else {})
        await self._change_network(network, "connect", {"Container": ident, "EndpointConfig": endpoint})

    async def _change_network(self, network: str, action: str, order: Mapping[str, Any]) -> None:
        async def ask(client: "Docker") -> None:
            matching_networks = [known for known in await client.networks.list() if known["Name"] == network]
            if not matching_networks:
                raise EngineError(f"the network {network} no longer exists: create it again")
            await getattr(await client.networks.get(matching_networks[0]["Id"]), action)(dict(order))

        await self._ask(f"{action} {str(order['Container'])[:12]} and {network}", ask, ACTION_TIMEOUT_SEC)

    async def remove(self, ident: str) -> None:
        """Remove a container, running or not, with its anonymous volumes; do nothing if it is gone."""
        await self._remove(
            "container", ident, lambda client: client.containers.container(ident).delete(force=True, v=True)
        )

    async def last_lines(self, ident: str, count: int) -> tuple[str, ...]:
        """Return the last lines that a container has printed, on stdout and stderr."""
        printed = await self._ask(
            f"report what {ident[:12]} printed",
            lambda client: client.containers.container(ident).log(stdout=True, stderr=True, tail=count),
        )
        return tuple(str(line).rstrip("\r\n") for line in printed)

    async def networks(self, labels: Sequence[str]) -> tuple[str, ...]:
        """Return the ids of the networks with all these labels, `key=value` each."""
        query = {"label": list(labels)}
        listed = await self._ask("list networks", lambda client: client.networks.list(filters=query))
        return tuple(str(network["Id"]) for network in listed)

    async def remove_network(self, ident: str) -> None:
        async def ask(client: "Docker") -> None:
            await (await client.networks.get(ident)).delete()

        await self._remove("network", ident, ask)

    async def volumes(self, labels: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the volumes with all these labels, `key=value` each."""
        query = {"label": list(labels)}

        async def ask(client: "Docker") -> Mapping[str, Any]:
            untyped: Any = client.volumes
            listed: Mapping[str, Any] = await untyped.list(filters=query)
            return listed

        listed = await self._ask("list volumes", ask)
        return tuple(str(volume["Name"]) for volume in listed.get("Volumes") or ())

    async def remove_volume(self, name: str) -> None:
        async def ask(client: "Docker") -> None:
            untyped: Any = client.volumes
            await (await untyped.get(name)).delete()

        await self._remove("volume", name, ask)

    async def _remove(self, kind: str, ident: str, ask: "Callable[[Docker], Awaitable[object]]") -> None:
        try:
            await self._ask(f"remove the {kind} {ident[:12]}", ask, ACTION_TIMEOUT_SEC)
        except EngineRefused as error:
            if error.status != 404:
                raise

    async def has_image(self, name: str) -> bool:
        try:
            await self._ask(f"look for the image {name}", lambda client: client.images.inspect(name))
        except EngineRefused as error:
            if error.status == 404:
                return False
            raise
        return True

    async def pull(self, image: str) -> AsyncIterator[tuple[int, int]]:
        """Pull an image; yield repeatedly how many bytes are here, and of how many. Raises `EngineError`."""
        async for done in pull_layers(self._open_client(), self.where, image):
            yield done

    async def events(self, kinds: Mapping[str, Sequence[str]]) -> EngineEventStream:
        """Return the stream of events from now on; `kinds`: the wanted types and actions. The caller closes it."""
        return await self._ask(
            "report its events", lambda client: EngineEventStream.opened(client, kinds), to_be_read=True
        )

    async def follow_log(self, ident: str, tail: int, since: str = "") -> LogStream:
        """Return a container's log from its last `tail` lines on, or from a time on. The caller closes it."""

        async def ask(client: "Docker") -> LogStream:
            return await LogStream.opened(client, ident, tail, since)

        return await self._ask(f"show the log of {ident[:12]}", ask, to_be_read=True)

    async def prepare_execution(self, ident: str, argv: Sequence[str]) -> str:
        """Prepare a command in a container, without a shell; return its id. Nothing runs yet."""

        async def ask(client: "Docker") -> str:
            prepared = await client.containers.container(ident).exec(list(argv), stderr=False)
            return str(prepared.id)

        return await self._ask(f"run a command in {ident[:12]}", ask)

    async def execute(
        self, execution: str, max_bytes: int, within_sec: float = ACTION_TIMEOUT_SEC
    ) -> tuple[int | None, bytes]:
        """Run a prepared command; return its exit code and what it printed, and None for a code if that is too much.

        The engine cannot end it: a caller that gives up leaves it running.
        """

        async def ask(client: "Docker") -> tuple[int | None, bytes]:
            prepared = client.containers.exec(execution)
            printed = bytearray()
            async with prepared.start(detach=False) as stream:
                while (message := await stream.read_out()) is not None:
                    printed += message.data
                    if len(printed) > max_bytes:
                        return None, bytes(printed[:max_bytes])
            return int((await prepared.inspect())["ExitCode"]), bytes(printed)

        return await self._ask("run a command", ask, within_sec)

    async def is_execution_running(self, execution: str) -> bool:
        """Return whether a command that was started still runs. Raises `EngineError`."""

        async def ask(client: "Docker") -> bool:
            return bool((await client.containers.exec(execution).inspect())["Running"])

        try:
            return await self._ask("report a command", ask)
        except EngineRefused as error:
            if error.status == 404:  # its container is gone, or was started anew
                return False
            raise

    async def close(self) -> None:
        """Close the connection. Safe to call twice; a later request opens it again."""
        client, self._client = self._client, None
        if client is not None:
            await client.session.close()

    async def _change(
        self,
        action: str,
        ident: str,
        ask: "Callable[[Docker], Awaitable[object]]",
        within_sec: float = ACTION_TIMEOUT_SEC,
    ) -> None:
        await self._ask(f"{action} {ident[:12]}", ask, within_sec)

    async def _ask(
        self,
        doing: str,
        ask: "Callable[[Docker], Awaitable[T]]",
        within_sec: float | None = None,
        to_be_read: bool = False,
    ) -> T:
        """Run one request with its timeout and translate its errors.

        `to_be_read`: the answer is a stream, which stays open when this has returned.
        """
        import aiohttp  # noqa: PLC0415 - see _open_client
        from aiodocker.exceptions import DockerError  # noqa: PLC0415 - see _open_client

        client, within_sec = self._open_client(), within_sec or self._answer_sec
        answers: list[aiohttp.ClientResponse] = []
        _responses.set(answers)
        # What aiodocker lets through when the answer is not what it expects: a web server may listen there.
        parse_errors = (ValueError, LookupError, TypeError, AttributeError)
        try:
            async with asyncio.timeout(within_sec):
                result = await ask(client)
        except TimeoutError as error:
            raise no_answer_error(self.where, within_sec) from error
        except (DockerError, aiohttp.ClientError, OSError, *parse_errors) as error:
            client.api_version = "auto"  # the engine may have been replaced by one with another API version
            raise translate_error(error, self.where, doing) from error
        else:
            answers = [] if to_be_read else answers
            return result
        finally:
            for answer in answers:
                answer.close()  # aiodocker leaves one open that it cannot read

    def _open_client(self) -> "Docker":
        """Return the client, opened at the first request.

        aiodocker is imported only here, because a show without a container engine then starts sooner.
        """
        if self._client is None:
            import aiohttp  # noqa: PLC0415
            from aiodocker import Docker  # noqa: PLC0415

            endpoint = self._endpoint = endpoint_at(self._url) if self._url else find()
            scheme, _, path = endpoint.url.partition("://")
            # No connection is kept: one that the engine has closed meanwhile would fail the next question.
            connector: aiohttp.BaseConnector
            if scheme == "unix":
                connector, url = aiohttp.UnixConnector(path, force_close=True), "unix://localhost"
            else:
                connector, url = aiohttp.TCPConnector(ssl=endpoint.tls or True, force_close=True), endpoint.url
            tracing = aiohttp.TraceConfig()
            tracing.on_request_end.append(_remember_response)
            session = aiohttp.ClientSession(
                connector=connector, timeout=aiohttp.ClientTimeout(), trace_configs=[tracing]
            )
            self._client = Docker(url, connector, session)
        return self._client


async def _remember_response(session: object, context: object, end: "aiohttp.TraceRequestEndParams") -> None:
    _responses.get([]).append(end.response)
