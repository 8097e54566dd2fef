"""The former name of `demo.subjects.cluster.load_client`, kept for users' subjects that import it: it was published."""

from demo.subjects.cluster.load_client import LoadClient
from demo.subjects.cluster.load_client import service_builder as building

Client = LoadClient

__all__ = ["Client", "building"]
