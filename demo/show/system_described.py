"""What a show runs on: a command that reports it, and the event that keeps it. Plain data; no state depends on it."""

from dataclasses import dataclass

Facts = tuple[tuple[str, str], ...]
"""Names with their values: `("Redis", "7.2.4")`."""


@dataclass(frozen=True, slots=True)
class DescribeSystem:
    """The show runs on this, and it is not what the journal says last."""

    facts: Facts


@dataclass(frozen=True, slots=True)
class SystemDescribed:
    """The show runs on this from here on: programs with their versions, the machine, options, what is measured."""

    facts: Facts

    def __post_init__(self) -> None:
        # JSON has lists where there were tuples.
        object.__setattr__(self, "facts", tuple((str(name), str(value)) for name, value in self.facts))
