"""The conductor: the one writer. Commands in, events on disk, the new state to every screen."""

from demo.conductor.core import Conductor, Keeping

__all__ = ["Conductor", "Keeping"]
