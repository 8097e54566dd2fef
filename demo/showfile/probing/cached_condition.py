"""A condition that is decided anew only when what it compares has changed: most answers are like the one before."""

from collections.abc import Hashable

from demo.conditions import Condition, Facts, NodeFact, Truth, Value

MAX_REMEMBERED = 256


class CachedCondition:
    """A condition over the fields of an answer. What was unknown is decided anew each time."""

    def __init__(self, condition: Condition) -> None:
        self.condition = condition
        self._paths: tuple[tuple[str, ...], ...] | None = None
        self._truths: dict[Hashable, bool] = {}

    def truth(self, facts: Facts) -> Truth:
        """Return whether it holds, None if that is unknown."""
        if self._paths is None:
            recording = _Recording(facts)
            truth = self.condition.truth(recording)
            self._paths = tuple(dict.fromkeys(recording.paths))  # every part of a condition is asked, whatever it says
            return truth
        values = tuple(facts.value(path) for path in self._paths)
        known = self._truths.get(values)
        if known is not None:
            return known
        truth = self.condition.truth(facts)
        if truth is not None:
            if len(self._truths) >= MAX_REMEMBERED:
                self._truths.clear()
            self._truths[values] = truth
        return truth


class _Recording:
    """Facts that note which values are asked for."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.paths: list[tuple[str, ...]] = []

    def value(self, path: tuple[str, ...]) -> Value:
        self.paths.append(path)
        return self._facts.value(path)

    def nodes(self, name: str) -> "list[NodeFact] | None":
        found = self._facts.nodes(name)
        return None if found is None else list(found)
