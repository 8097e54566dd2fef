"""The container engine (Docker or podman): how it is found, asked about its containers, and told to change them."""

from demo.container_engine.client import Engine
from demo.container_engine.container import Container
from demo.container_engine.errors import EngineAway, EngineRefused
from demo.container_engine.event_watch import EngineWatch, WatchedContainer
from demo.container_engine.selector import Selector, select_one

__all__ = [
    "Container",
    "Engine",
    "EngineAway",
    "EngineRefused",
    "EngineWatch",
    "Selector",
    "WatchedContainer",
    "select_one",
]
