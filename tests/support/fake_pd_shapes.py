"""The bodies that PD and TiKV answer over HTTP, built from the fake cluster's state."""

import random
from collections.abc import Callable
from typing import Any

from tests.support.fake_pd_state import Group, Node, State


def pd_body(state: State, path: str) -> Any:
    """What PD's leader answers at this path below `/pd/api/v1`; None: no such path."""
    bodies: dict[str, Callable[[State], Any]] = {
        "/health": health,
        "/leader": lambda state: member(state, state.pds[state.reported_pd_leader]),
        "/members": members,
        "/stores": stores,
        "/regions": lambda state: {"count": len(state.groups), "regions": [region(g) for g in state.groups.values()]},
        "/regions/count": lambda state: {"count": len(state.groups), "regions": None},
        "/cluster/status": lambda _: {
            "raft_bootstrap_time": "2026-01-01T00:00:00.0Z",
            "is_initialized": True,
            "replication_status": "",
        },
    }
    return bodies[path](state) if path in bodies else None


def member(state: State, pd: Node) -> dict[str, Any]:
    return {
        "name": pd.name,
        "member_id": pd.ident,
        "peer_urls": [f"http://{pd.name}:2380"],
        "client_urls": [f"http://{state.at(pd, 2379)}"],
        "deploy_path": "/",
        "binary_version": "v8.5.7",
        "git_hash": "60df12e",
    }


def health(state: State) -> list[dict[str, Any]]:
    return [
        {
            "name": pd.name,
            "member_id": pd.ident,
            "client_urls": [f"http://{state.at(pd, 2379)}"],
            "health": pd.is_running,
        }
        for pd in state.pds.values()
    ]


def members(state: State) -> dict[str, Any]:
    leader = member(state, state.pds[state.reported_pd_leader])
    return {
        "header": {"cluster_id": state.cluster_id},
        "members": [member(state, pd) for pd in state.pds.values()],
        "leader": leader,
        "etcd_leader": leader,
    }


def stores(state: State) -> dict[str, Any]:
    """In any order, as PD does."""
    told = [store(state, one) for one in state.stores.values()]
    return {"count": len(told), "stores": random.sample(told, len(told))}


def store(state: State, one: Node) -> dict[str, Any]:
    heard = state.heard(one)
    leads = sum(group.reported_leader == one.ident for group in state.groups.values())
    return {
        "store": {
            "id": one.ident,
            "address": state.at(one, 20160),
            "version": "8.5.7",
            "peer_address": state.at(one, 20160),
            "status_address": state.at(one, 20180),
            "git_hash": "60df12e",
            "start_timestamp": 1767225600,
            "deploy_path": "/",
            **({"last_heartbeat": int(heard * 1e9)} if heard else {}),
            "node_state": 1,
            "state_name": state.get_pd_state(one),
        },
        "status": {
            "capacity": "58.4GiB",
            "available": "41.2GiB",
            "used_size": "31.5MiB",
            "leader_count": leads,
            "leader_weight": 1,
            "leader_score": leads,
            "leader_size": leads,
            "region_count": len(state.groups),
            "region_weight": 1,
            "region_score": 3.1,
            "region_size": 3,
            "slow_score": 1,
            "slow_trend": {"cause_value": 250000, "cause_rate": 0, "result_value": 12.5, "result_rate": 0},
            "start_ts": "2026-01-01T00:00:00Z",
            "last_heartbeat_ts": "2026-01-01T00:05:12.345678901Z",
            "uptime": "5m12.345678901s",
        },
    }


def region(group: Group) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": group.ident,
        "start_key": group.start.hex().upper(),
        "end_key": group.end.hex().upper(),
        "epoch": {"conf_ver": group.conf_ver, "version": group.version},
        "peers": [{"id": peer, "store_id": at, "role_name": "Voter"} for at, peer in group.peers.items()],
    }
    if group.reported_leader is not None:
        body["leader"] = {
            "id": group.peers[group.reported_leader],
            "store_id": group.reported_leader,
            "role_name": "Voter",
        }
    return body


def metrics(one: Node) -> str:
    """A few of the thousands of lines at a store's `/metrics`."""
    name = "tikv_grpc_msg_duration_seconds"
    lines = [f"# HELP {name} Bucketed histogram of grpc server messages", f"# TYPE {name} histogram"]
    for kind, of in (("raw_get", "get"), ("raw_put", "put"), ("kv_get", "none")):
        count, labels = one.calls[of], f'type="{kind}",priority="medium"'
        lines += [f'{name}_bucket{{{labels},le="0.0005"}} {count}', f'{name}_bucket{{{labels},le="+Inf"}} {count}']
        lines += [f"{name}_sum{{{labels}}} {count * 0.0002}", f"{name}_count{{{labels}}} {count}"]
    lines += ["# HELP tikv_storage_command_total Total number of commands received."]
    lines += ["# TYPE tikv_storage_command_total counter"]
    lines += [f'tikv_storage_command_total{{type="raw_{kind}"}} {one.calls[kind]}' for kind in ("get", "put")]
    lines += ["# TYPE process_cpu_seconds_total counter", "process_cpu_seconds_total 1.5"]
    return "\n".join(lines) + "\n"
