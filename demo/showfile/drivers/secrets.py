"""Secrets of a show: read from the environment at the moment of use, and removed from every text that people see."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from demo.errors import FaultError
from demo.panels.masking import MASK, MIN_MASKED
from demo.showfile.drivers.substitution import Lookup


@dataclass(frozen=True)
class Secrets:
    """`variables`: name of the secret → environment variable. Plans hold this mapping, never a value."""

    variables: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def value(self, name: str) -> str:
        """Return the value. Raises `FaultError`, which names the variable to set, where it is empty or not set."""
        variable = self.variables[name]
        value = self.environ.get(variable, "")
        if not value:
            raise FaultError(f"not healed: set {variable}, from which the secret {name} is read")
        return value

    def look_up(self, others: Lookup) -> Lookup:
        """Return a lookup of secrets; every other name is left to `others`."""
        return lambda name: self.value(name) if name in self.variables else others(name)

    def only(self, names: Iterable[str]) -> dict[str, str]:
        """Return the variables of those of these names that are secrets, for a plan."""
        return {name: self.variables[name] for name in sorted(set(names)) if name in self.variables}

    def require(self, names: Iterable[str]) -> None:
        """Raise `FaultError` unless all of these that are secrets have a value now: nothing was changed yet."""
        for variable in self.only(names).values():
            if not self.environ.get(variable):
                raise FaultError(f"the environment variable {variable} is not set: set it and start again")

    @contextmanager
    def masking(self) -> Iterator[None]:
        """Raise a `FaultError` from within anew, without the value of any secret in its text or behind it."""
        try:
            yield
        except FaultError as error:
            raise FaultError(self.mask(str(error))) from None

    def mask(self, text: str) -> str:
        """Return the text without the value of any secret."""
        for value in sorted(self.values(), key=len, reverse=True):
            if len(value) >= MIN_MASKED:
                text = text.replace(value, MASK)
        return text

    def values(self) -> frozenset[str]:
        """Return the values of those that are set."""
        return frozenset(filter(None, (self.environ.get(variable) for variable in self.variables.values())))
