"""Kept for subjects that import it: docs/extending.md named `demo.subjects.cluster.compose_deployment` so before."""

from demo.subjects.cluster.compose_deployment import Containers, Plans, Terms

__all__ = ["Containers", "Plans", "Terms"]
