"""Clients of our own Redis: short timeouts, no hidden retries, and no password for another process."""

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from demo.probes.redis import NotOurs
from demo.processes.port_owner import PortOwner

MAX_CONNECTIONS = 512


def connect(owner: PortOwner, password: str, answer_sec: float) -> Redis:
    """Return a client that connects on first use.

    redis-py retries by default: with that, a timeout of 1 s takes 5 s.
    """

    async def introduce(connection: AbstractConnection) -> None:
        """Send the password, but only to our own server: its port may belong to another process by now."""
        if not owner.is_ours():
            raise NotOurs(f"another process listens on port {owner.port}")
        try:
            await connection.on_connect()
        except BaseException:  # a cancellation, too: redis-py would leave the connection open then
            await connection.disconnect(nowait=True)
            raise

    return Redis(
        host="127.0.0.1",
        port=owner.port,
        password=password,
        socket_timeout=answer_sec,
        socket_connect_timeout=answer_sec,
        retry=Retry(NoBackoff(), 0),
        max_connections=MAX_CONNECTIONS,
        health_check_interval=0,
        protocol=2,
        redis_connect_func=introduce,
    )
