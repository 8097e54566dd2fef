"""The former name of `demo.subjects.cluster.compose_deployment`, kept for users' subjects that import it."""

from demo.subjects.cluster.compose_deployment import ComposeDeployment, ComposeSpec, DeploymentOptions

Containers, Plans, Terms = ComposeDeployment, ComposeSpec, DeploymentOptions

__all__ = ["Containers", "Plans", "Terms"]
