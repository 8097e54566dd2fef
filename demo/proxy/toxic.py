"""A toxic: what a fault does to the connections of one proxy. Names and meanings are Toxiproxy's. Plain data."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from demo.errors import InvalidValue

Stream = Literal["upstream", "downstream", "both"]
"""upstream: from the client to the server; downstream: from the server to the client."""

EFFECTS = ("latency", "jitter", "bandwidth", "timeout", "reset_peer", "slow_close", "limit_data", "down")
MAX_TOXIC_SEC = 3600.0
MIN_BANDWIDTH = 10.0
"""Bytes a second. A slower connection cannot be told from one that is stopped, which `timeout` is for."""


@dataclass(frozen=True, slots=True)
class Toxic:
    """One toxic; times in seconds, `bandwidth` in bytes a second, `limit_data` in bytes. None: without that effect.

    - `latency`: all data is delivered so much later, more or less by up to `jitter`.
    - `bandwidth`: no more than so many bytes a second in each connection.
    - `timeout`: data is dropped, and the connection closed after the time; 0: not closed until the toxic is removed.
    - `reset_peer`: data is dropped, and the connection reset (RST) after the time; 0: at once.
    - `slow_close`: an end of the stream is passed on so much later.
    - `limit_data`: the connection is closed when so many bytes have passed.
    - `down`: the port refuses connections, and those that exist are closed.
    - `toxicity`: the share of connections that are affected, 0 to 1.

    Raises `InvalidValue` for a value without meaning.
    """

    proxy: str
    latency: float | None = None
    jitter: float | None = None
    bandwidth: float | None = None
    timeout: float | None = None
    reset_peer: float | None = None
    slow_close: float | None = None
    limit_data: int | None = None
    down: bool = False
    stream: Stream = "downstream"
    toxicity: float = 1.0

    def __post_init__(self) -> None:
        for name in ("latency", "jitter", "timeout", "reset_peer", "slow_close"):
            _check_number(name, getattr(self, name), 0.0, MAX_TOXIC_SEC, "seconds")
        _check_number("bandwidth", self.bandwidth, MIN_BANDWIDTH, 1e12, "bytes a second")
        _check_number("limit_data", self.limit_data, 0, 1e15, "bytes")
        _check_number("toxicity", self.toxicity, 0.0, 1.0, "as a share of the connections")
        if self.stream not in get_args(Stream):
            raise InvalidValue(f"stream must be one of {', '.join(get_args(Stream))}, not {self.stream!r}")
        if not isinstance(self.down, bool):
            raise InvalidValue(f"down must be true or false, not {self.down!r}")
        self._check_together()

    def _check_together(self) -> None:
        effects = self.effects
        if not effects:
            raise InvalidValue(f"a tcp fault needs at least one of {', '.join(EFFECTS)}")
        if self.jitter is not None and self.latency is None:
            raise InvalidValue("jitter makes latency vary: give latency too")
        if self.down and len(effects) > 1:
            others = " and ".join(name for name in effects if name != "down")
            raise InvalidValue(f"down closes every connection, so {others} would have no effect: leave one of them out")
        if self.down and self.toxicity < 1:
            raise InvalidValue("down closes the port for everybody: toxicity cannot go with it")
        if self.timeout is not None and self.reset_peer is not None:
            raise InvalidValue("timeout closes the connection and reset_peer resets it: give one of them")

    @property
    def effects(self) -> tuple[str, ...]:
        """The effects that it has."""
        return tuple(name for name in EFFECTS if getattr(self, name) is not None and getattr(self, name) is not False)

    @property
    def drops_data(self) -> bool:
        """Return whether nothing passes while it is there."""
        return self.timeout is not None or self.reset_peer is not None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Toxic":
        """Read it back. Raises `InvalidValue` for unknown and missing keys, and for wrong values."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(data) - known):
            raise InvalidValue(f"a toxic has no {unknown[0]!r}; it can have {', '.join(sorted(known))}")
        if not isinstance(data.get("proxy"), str):
            raise InvalidValue("a toxic needs the name of its proxy")
        return cls(**data)


def _check_number(name: str, value: object, lowest: float, highest: float, unit: str) -> None:
    if value is None and name != "toxicity":
        return
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not lowest <= float(value) <= highest:  # type: ignore[arg-type]
        raise InvalidValue(f"{name} must be {lowest:g} to {highest:g} ({unit}), not {value!r}")
