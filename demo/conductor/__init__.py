"""The conductor: the one writer. Commands in, events on disk, the new state to every screen."""

from demo.conductor.conductor import Conductor
from demo.conductor.config import Deck, Keeping, ShowConfig
from demo.conductor.system_lifecycle import ENDING, SystemLifecycle

__all__ = ["ENDING", "Conductor", "Deck", "Keeping", "ShowConfig", "SystemLifecycle"]
