"""A stand-in for `kubectl` and its cluster: two deployments, kept in a file beside this program when it is installed.

It knows the few commands that `examples/kubectl.md` has, and refuses all others. Pods become ready a second after they
were made; one whose image is `…:typo` never does, and then the pods of the image before stay, as in a rolling update.
"""

import fcntl
import json
import re
import secrets
import sys
import time
from pathlib import Path
from typing import Any

STATE = Path(__file__).with_name("cluster.json")
START_SEC = 1.0


def main(argv: list[str]) -> str:
    """Carry out a command as kubectl would, and return what it prints. Raises `SystemExit` with an error."""
    with STATE.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        cluster = json.loads(STATE.read_text())
        settle(cluster)
        text = carry_out(cluster, argv)
        settle(cluster)
        # In one step: a probe that took too long is killed at any moment, also while it writes.
        written = STATE.with_suffix(".new")
        written.write_text(json.dumps(cluster))
        written.replace(STATE)
    return text


def carry_out(cluster: dict[str, Any], argv: list[str]) -> str:
    match argv:
        case ["get", "pods", "-l", "app=shop", "-o", "json"]:
            return json.dumps({"kind": "List", "items": [as_pod(pod) for pod in cluster["pods"]]})
        case ["get", target, "-o", "jsonpath={.spec.replicas}"]:
            return str(named(cluster, target)["replicas"])
        case ["get", target, "-o", "jsonpath={.spec.template.spec.containers[0].image}"]:
            return str(named(cluster, target)["image"])
        case ["scale", target, option] if found := re.fullmatch(r"--replicas=(\d+)", option):
            named(cluster, target)["replicas"] = int(found[1])
            return f"deployment.apps/{target.partition('/')[2]} scaled"
        case ["set", "image", target, option] if option.startswith("shop="):
            named(cluster, target)["image"] = option.removeprefix("shop=")
            return f"deployment.apps/{target.partition('/')[2]} image updated"
        case ["rollout", "status", target, "--watch=false"]:
            return tell_rollout(cluster, named(cluster, target))
    sys.exit(f"error: unknown command {' '.join(argv)!r}")


def named(cluster: dict[str, Any], target: str) -> dict[str, Any]:
    kind, _, name = target.partition("/")
    for deployment in cluster["deployments"]:
        if kind in ("deploy", "deployment") and deployment["name"] == name:
            found: dict[str, Any] = deployment
            return found
    sys.exit(f'Error from server (NotFound): deployments.apps "{name}" not found')


def settle(cluster: dict[str, Any]) -> None:
    """Do what the controllers of Kubernetes do: make the pods that are missing, remove those that are too many."""
    for deployment in cluster["deployments"]:
        name, image, count = deployment["name"], deployment["image"], deployment["replicas"]
        own = [pod for pod in cluster["pods"] if pod["color"] == name]
        current = [pod for pod in own if pod["image"] == image][:count]
        is_replaced = sum(map(is_ready, current)) == count
        old = [] if is_replaced else [pod for pod in own if pod["image"] != image and is_ready(pod)][:count]
        surge = 1 if old else count
        current += [new_pod(name, image) for _ in range(min(surge, count) - len(current))]
        cluster["pods"] = [pod for pod in cluster["pods"] if pod["color"] != name] + old + current


def new_pod(color: str, image: str) -> dict[str, Any]:
    return {"name": f"{color}-{secrets.token_hex(3)}", "color": color, "image": image, "began": time.time()}


def is_ready(pod: dict[str, Any]) -> bool:
    return not pod["image"].endswith(":typo") and time.time() >= pod["began"] + START_SEC


def as_pod(pod: dict[str, Any]) -> dict[str, Any]:
    ready = is_ready(pod)
    return {
        "metadata": {"name": pod["name"], "labels": {"app": "shop", "color": pod["color"]}},
        "status": {"phase": "Running" if ready else "Pending", "containerStatuses": [{"ready": ready}]},
    }


def tell_rollout(cluster: dict[str, Any], deployment: dict[str, Any]) -> str:
    name, image, count = deployment["name"], deployment["image"], deployment["replicas"]
    ready = sum(is_ready(pod) for pod in cluster["pods"] if pod["color"] == name and pod["image"] == image)
    if ready < count:
        return (
            f'Waiting for deployment "{name}" rollout to finish: {ready} of {count} updated replicas are available...'
        )
    return f'deployment "{name}" successfully rolled out'


if __name__ == "__main__":
    print(main(sys.argv[1:]))
