"""The conductor: the one writer. Commands in, events on disk, the new state to every screen."""

from demo.conductor.core import Conductor

__all__ = ["Conductor"]
