"""The conductor, the single writer of a show: it takes commands, stores events and publishes the new state."""

from demo.conductor.conductor import Conductor
from demo.conductor.config import Deck, JournalSource, ShowConfig
from demo.conductor.show_host import ShowHost, get_live_show
from demo.conductor.system_lifecycle import ENDING, SystemLifecycle

__all__ = ["ENDING", "Conductor", "Deck", "JournalSource", "ShowConfig", "ShowHost", "SystemLifecycle", "get_live_show"]
