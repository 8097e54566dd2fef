"""Kept for subjects that import it: docs/extending.md named `demo.subjects.cluster.compose_deployment` so before."""

from demo.subjects.cluster.compose_deployment import ComposeDeployment, ComposeSpec, DeploymentOptions

Containers, Plans, Terms = ComposeDeployment, ComposeSpec, DeploymentOptions

__all__ = ["Containers", "Plans", "Terms"]
