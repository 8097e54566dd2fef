"""The name that docs/extending.md gave `demo.probes.periodic` before: kept for subjects that import it."""

from demo.probes.periodic import Pulse

__all__ = ["Pulse"]
