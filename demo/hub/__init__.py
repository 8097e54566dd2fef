"""The hub: sends the newest state to any number of listeners."""

from demo.hub.channel import Listener, Sink, Tally, View, Write
from demo.hub.hub import HEARTBEAT_AFTER_SEC, Hub
from demo.hub.shared_compression import HEADER, compress_standalone

__all__ = ["HEADER", "HEARTBEAT_AFTER_SEC", "Hub", "Listener", "Sink", "Tally", "View", "Write", "compress_standalone"]
