"""PD's JSON, reduced to what the cards need: keys may be missing or new; nothing is guessed."""

from collections.abc import Mapping
from typing import Any

from demo.errors import DemoError

LONGEST_TEXT = 200
MAX_ITEMS = 1000

STATES = {0: "Up", 1: "Offline", 2: "Tombstone"}


class Unfit(DemoError):
    """This is not what PD answers to such a request."""


def leader(body: Any) -> dict[str, Any]:
    """Return `name`, `member_id`, `version` of PD's leader."""
    return _member(_object(body)) | {"version": _text(body.get("binary_version"))}


def members(body: Any) -> dict[str, Any]:
    """Return `cluster_id`, and under `members` the `name`, `member_id` and client `urls` of each."""
    header = _object(body).get("header")
    return {
        "cluster_id": _whole(header.get("cluster_id")) if isinstance(header, dict) else None,
        "members": [_member(item) | {"urls": _texts(item.get("client_urls"))} for item in _items(body.get("members"))],
    }


def stores(body: Any) -> list[dict[str, Any]]:
    """Return what PD knows of each store: its state, which lags behind, and its counts."""
    return [_store(item) for item in _items(_object(body).get("stores"))]


def count(body: Any) -> int:
    """Return the number of regions."""
    return _require_whole(_object(body).get("count"))


def _store(item: Mapping[str, Any]) -> dict[str, Any]:
    store, status = _object(item.get("store")), item.get("status")
    status = status if isinstance(status, dict) else {}
    return {
        "id": _require_whole(store.get("id")),
        "address": _text(store.get("address")),
        "status_address": _text(store.get("status_address")),
        "version": _text(store.get("version")),
        "state": _state(store),
        "last_heartbeat_ns": _whole(store.get("last_heartbeat")),
        "leader_count": _whole(status.get("leader_count")),
        "region_count": _whole(status.get("region_count")),
        "capacity": _text(status.get("capacity")),
        "available": _text(status.get("available")),
    }


def _state(store: Mapping[str, Any]) -> str | None:
    """Return `state_name`; without one, the name of `state`, which PD omits as well while the store is up."""
    if "state_name" in store:
        return _text(store["state_name"])
    state = _whole(store.get("state", 0))
    return None if state is None else STATES.get(state)


def _member(item: Mapping[str, Any]) -> dict[str, Any]:
    name = _text(item.get("name"))
    if not name:
        raise Unfit
    return {"name": name, "member_id": _whole(item.get("member_id"))}


def _items(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or len(value) > MAX_ITEMS or not all(isinstance(item, dict) for item in value):
        raise Unfit
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unfit
    return value


def _require_whole(value: Any) -> int:
    number = _whole(value)
    if number is None:
        raise Unfit
    return number


def _whole(value: Any) -> int | None:
    """Return it if it is a whole number below 2^64, else None; ids exceed 2^53, so floats are not exact enough."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64 else None


def _text(value: Any) -> str | None:
    return value[:LONGEST_TEXT] if isinstance(value, str) else None


def _texts(value: Any) -> list[str]:
    return [item[:LONGEST_TEXT] for item in value if isinstance(item, str)] if isinstance(value, list) else []
