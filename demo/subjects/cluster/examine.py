"""The former name of `demo.subjects.cluster.doctor`, kept for users' subjects that import it."""

from demo.subjects.cluster.doctor import Needs, examine_engine

__all__ = ["Needs", "examine_engine"]
