"""The former name of `demo.subjects.cluster.load_client`, kept for users' subjects that import it."""

from demo.subjects.cluster.load_client import LoadClient, building

Client = LoadClient

__all__ = ["Client", "building"]
