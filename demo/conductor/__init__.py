"""The conductor: the one writer. Commands in, events on disk, the new state to every screen."""

from demo.conductor.core import Conductor, Keeping
from demo.conductor.system import ENDING, SystemBehind

__all__ = ["ENDING", "Conductor", "Keeping", "SystemBehind"]
