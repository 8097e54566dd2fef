"""The name that docs/extending.md gave `demo.subjects.cluster.load_client` before: kept for subjects that import it."""

from demo.subjects.cluster.load_client import Client, building

__all__ = ["Client", "building"]
