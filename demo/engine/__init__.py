"""The container engine: where it is, what it says of its containers, and what it is asked to do to them."""

from demo.engine.answers import EngineAway, EngineRefused
from demo.engine.container import Container
from demo.engine.engine import Engine
from demo.engine.select import Selector, pick
from demo.engine.watch import EngineWatch, Seen

__all__ = ["Container", "Engine", "EngineAway", "EngineRefused", "EngineWatch", "Seen", "Selector", "pick"]
