"""The book of a load to a Redis: RPUSH of each number, to lists of this run's own. Lists keep order and duplicates."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError, ResponseError

from demo.errors import BookError
from demo.load.book.book import BLOCK
from demo.load.book.run_name import RunName, has_ended
from demo.load.redis_connections import NOT_CONNECTED, connection_pool, describe_refusal, is_timeout
from demo.load.sender import BROKEN, NO_ANSWER, NO_CONNECTION, OK, RequestResult

PREFIX = "demo:book"
KEEP_SEC = 24 * 3600
"""The lists go away by themselves so long after they were last written or read."""

READ_LIST = "return table.concat(redis.call('LRANGE', KEYS[1], 0, -1), ',')"
"""One text instead of a thousand: redis-py takes 8 µs for each item of a list, in which the show stands still."""

CLOSE_TIMEOUT_SEC = 1.0
READERS = 2
REPLICA = "it is a replica, which may lag behind"


class RedisBook:
    """Its keys are `demo:book:SHOW:RUN:0` and so on, for `BLOCK` numbers each. `close` removes them.

    Those of runs that have ended are removed before the first write; `demo:book:SHOW` names the runs. Raises
    `InvalidValue` for the URL.
    """

    max_span = 5 * BLOCK

    def __init__(self, name: RunName, url: str, timeout_sec: float) -> None:
        self._runs, self._run, self._timeout_sec = f"{PREFIX}:{name.place}", name.run, timeout_sec
        self._pool = connection_pool(url, timeout_sec)
        self._readers = connection_pool(url, timeout_sec, READERS)
        self._reader = Redis(connection_pool=self._readers)
        self._blocks = 0
        """How many lists there are, as the runs' hash says."""
        self._preparing = asyncio.Lock()

    def key(self, block: int) -> str:
        return self._key_of(self._run, block)

    def _key_of(self, run: str, block: int) -> str:
        return f"{self._runs}:{run}:{block}"

    async def write(self, number: int) -> RequestResult:
        block, sent = (number - 1) // BLOCK, False
        try:
            async with asyncio.timeout(self._timeout_sec):
                await self._prepare(block)
                connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
                try:
                    sent = True
                    return await self._push(connection, self.key(block), number)
                except BaseException:
                    await connection.disconnect(nowait=True)
                    raise
                finally:
                    await self._pool.release(connection)
        except ResponseError as error:
            return RequestResult(describe_refusal(error))
        except (RedisError, OSError, TimeoutError) as error:
            if is_timeout(error):
                return NO_ANSWER if sent else NO_CONNECTION
            return BROKEN if sent else NOT_CONNECTED

    async def _push(self, connection: AbstractConnection, key: str, number: int) -> RequestResult:
        """Send the write, and its list's expiry with it. Raises `RedisError`."""
        commands = [("RPUSH", key, number), ("EXPIRE", key, KEEP_SEC)]
        await connection.send_packed_command(connection.pack_commands(commands))
        answers: list[Any] = []
        for _ in commands:
            try:
                answers.append(await connection.read_response(disconnect_on_error=False))
            except ResponseError as error:
                answers.append(error)
        pushed = answers[0]
        return RequestResult(describe_refusal(pushed)) if isinstance(pushed, ResponseError) else OK

    async def _prepare(self, block: int) -> None:
        """Note the list in the hash of runs before it is written. Raises `RedisError`."""
        if block < self._blocks:
            return
        async with self._preparing:
            if block < self._blocks:
                return
            if not self._blocks:
                await self._remove_ended()
            async with self._reader.pipeline(transaction=False) as pipe:
                pipe.hset(self._runs, self._run, str(block + 1))
                pipe.expire(self._runs, KEEP_SEC)
                await pipe.execute()
            self._blocks = block + 1

    async def _remove_ended(self) -> None:
        """Remove what killed runs of this show have left."""
        found: Mapping[Any, Any] = await self._reader.hgetall(self._runs)
        for run, blocks in found.items():
            name = run.decode(errors="replace")
            if has_ended(name) and blocks.isdigit():
                await self._remove(name, int(blocks))

    async def _remove(self, run: str, blocks: int) -> None:
        for block in range(blocks):
            await self._reader.unlink(self._key_of(run, block))
        await self._reader.hdel(self._runs, run)

    async def read(self, first: int, last: int) -> Sequence[int]:
        try:
            async with self._reader.pipeline(transaction=False) as pipe:
                pipe.execute_command("ROLE")
                for block in range((first - 1) // BLOCK, (last - 1) // BLOCK + 1):
                    pipe.eval(READ_LIST, 1, self.key(block))
                    pipe.expire(self.key(block), KEEP_SEC)
                role, *answers = await pipe.execute(raise_on_error=False)  # a replica refuses EXPIRE
        except (RedisError, OSError) as error:
            raise BookError((NO_ANSWER if is_timeout(error) else NOT_CONNECTED).trouble) from error
        lists = answers[::2]
        if refused := next((answer for answer in (role, *lists) if isinstance(answer, Exception)), None):
            raise BookError(describe_refusal(refused))
        if role[0] != b"master":
            raise BookError(REPLICA)
        return [int(number) for numbers in lists if numbers for number in numbers.split(b",")]

    async def close(self) -> None:
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_SEC):
                await self._remove(self._run, self._blocks)
        for pool in (self._pool, self._readers):
            with contextlib.suppress(RedisError, OSError):
                await pool.disconnect()
