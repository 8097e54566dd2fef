"""The conductor, the single writer of a show: it takes commands, stores events and publishes the new state."""

from demo.conductor.conductor import Conductor
from demo.conductor.config import Deck, Keeping, ShowConfig
from demo.conductor.show_host import ShowHost, measured_show
from demo.conductor.system_lifecycle import ENDING, SystemLifecycle

__all__ = ["ENDING", "Conductor", "Deck", "Keeping", "ShowConfig", "ShowHost", "SystemLifecycle", "measured_show"]
