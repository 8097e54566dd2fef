"""The hub: sends the newest state to any number of listeners."""

from demo.hub.channel import Listener, Sink, Tally, View, Write
from demo.hub.hub import BEAT_AFTER_SEC, Hub
from demo.hub.shared_compression import HEADER, compress_standalone

__all__ = ["BEAT_AFTER_SEC", "HEADER", "Hub", "Listener", "Sink", "Tally", "View", "Write", "compress_standalone"]
