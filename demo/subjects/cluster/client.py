"""Kept for subjects that import it: docs/extending.md named `demo.subjects.cluster.load_client` so before."""

from demo.subjects.cluster.load_client import LoadClient, building

Client = LoadClient

__all__ = ["Client", "building"]
