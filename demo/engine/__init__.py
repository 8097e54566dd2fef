"""The name that docs/extending.md gave `demo.container_engine` before: kept for subjects that import it."""

from demo.container_engine import Container, Engine, EngineWatch, Selector

__all__ = ["Container", "Engine", "EngineWatch", "Selector"]
