"""Clients of our own Redis: short timeouts, no hidden retries."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

CONNECTIONS_MOST = 512


def connect(port: int, password: str, answer_sec: float) -> Redis:
    """A client that connects on first use. redis-py retries by default: a 1 s timeout then takes 5 s."""
    return Redis(
        host="127.0.0.1",
        port=port,
        password=password,
        socket_timeout=answer_sec,
        socket_connect_timeout=answer_sec,
        retry=Retry(NoBackoff(), 0),
        max_connections=CONNECTIONS_MOST,
        health_check_interval=0,
        protocol=2,
    )
