"""The name that docs/extending.md gave `demo.subjects.cluster.doctor` before: kept for subjects that import it."""

from demo.subjects.cluster.doctor import Needs, examine_engine

__all__ = ["Needs", "examine_engine"]
