"""Connections of a load to a Redis, and what an error of one means."""

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError, ReadOnlyError

from demo.errors import InvalidValue
from demo.load.sender import RequestResult

MAX_CONNECTIONS = 50

NOT_CONNECTED = RequestResult("connection refused or broken", is_answer=False)


def connection_pool(url: str, timeout_sec: float, max_connections: int = MAX_CONNECTIONS) -> BlockingConnectionPool:
    """Return a pool; waiting for one of its connections takes no longer than the timeout.

    Raises `InvalidValue` for a URL that is none of a Redis.
    """
    try:
        # redis-py retries by default: one arrival must be one request.
        return BlockingConnectionPool.from_url(
            url,
            max_connections=max_connections,
            timeout=timeout_sec,
            socket_timeout=timeout_sec,
            socket_connect_timeout=timeout_sec,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
        )
    except ValueError as error:
        # redis-py's own text may hold a part of the URL, and so a password.
        raise InvalidValue("its URL is none of a Redis: write it like redis://127.0.0.1:6379/0") from error


def is_timeout(error: BaseException) -> bool:
    """Return whether an error means that something took too long."""
    # redis-py has a TimeoutError of its own, which is not Python's.
    return "timeout" in type(error).__name__.lower() or "no connection" in str(error).lower()


def describe_refusal(error: Exception) -> str:
    """Return what Redis refuses, without the address or key that its text may hold."""
    if isinstance(error, ReadOnlyError):
        return "it is a replica, which refuses writes"
    return "it has no memory left" if isinstance(error, OutOfMemoryError) else "it refuses the command"
