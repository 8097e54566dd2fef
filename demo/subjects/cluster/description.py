"""What a cluster runs on: how it is deployed, and on which containers."""

from collections.abc import Iterable, Sequence

from demo.container_engine.description import describe_containers
from demo.subjects.cluster.compose_deployment import ComposeDeployment
from demo.subjects.cluster.deployment import Deployment


async def describe_deployment(deployment: Deployment) -> Sequence[tuple[str, str]]:
    """Return names and values; what the container engine does not tell is left out."""
    if not isinstance(deployment, ComposeDeployment):
        return (("runs as", "a running cluster, known by its URL"),)
    project = deployment.plans.project
    by = "attached to" if deployment.terms.attach else "started with compose"
    return (("runs as", f"compose project {project}, {by}"), *await describe_containers(deployment.engine, project))


def join_versions(versions: Iterable[object]) -> str:
    """Return each version once, in order; "" if none is known."""
    return ", ".join(dict.fromkeys(version for version in versions if isinstance(version, str) and version))


def describe_load(per_sec: float) -> tuple[str, str]:
    """Return the load that the chapters start."""
    return "load", f"{per_sec:g} operations a second"
