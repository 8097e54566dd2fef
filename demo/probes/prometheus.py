"""Probes of Prometheus: an instant query, and its values by one label, or with all their labels."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demo.probes.http_fetch import Fetched, Session, fetch, parsed
from demo.probes.result import Reading

TIMEOUT_SEC = 1.0

_LONGEST_REASON = 200


@dataclass(frozen=True)
class PrometheusProbe:
    """The reading's data: `values`, a number for each value of the label `by` ("" for a result without that label).

    `NaN` and infinities are left out: they are no measurement. Two results with the same label are `trouble`.
    """

    session: Session
    url: str
    query: str
    by: str = "instance"
    timeout_sec: float = TIMEOUT_SEC

    async def read(self) -> Reading:
        answer = await _ask(self.session, self.url, self.query, self.timeout_sec)
        if not answer.ok:
            return answer
        values = _parse_values(answer.data["data"], self.by)
        if isinstance(values, str):
            return Reading(trouble=values)
        return Reading({"values": values}, took_ms=answer.took_ms)


@dataclass(frozen=True)
class PrometheusQueryProbe:
    """The reading's data: `body`, an object for each result with its labels and `value`; and `value`, if it is one.

    A value that is not finite is None. Whatever keeps Prometheus from answering says nothing about what it measures.
    """

    session: Session
    url: str
    query: str
    timeout_sec: float = TIMEOUT_SEC

    async def read(self) -> Reading:
        answer = await _ask(self.session, self.url, self.query, self.timeout_sec)
        rows = _parse_rows(answer.data["data"]) if answer.ok else None
        if rows is None:
            return Reading(trouble=answer.trouble or "did not answer with numbers", inconclusive=True)
        value = rows[0]["value"] if len(rows) == 1 else None
        return Reading({"value": value, "body": rows}, took_ms=answer.took_ms)


async def _ask(session: Session, url: str, query: str, timeout_sec: float) -> Reading:
    """Return what Prometheus has under `data`, or the trouble."""
    response = await fetch(session, f"{url.rstrip('/')}/api/v1/query", timeout_sec, params={"query": query})
    if response.trouble:
        return Reading(trouble=response.trouble)
    body = parsed(response.body)
    if not isinstance(body, dict) or body.get("status") not in ("success", "error"):
        other = f"status {response.status}" if response.status != 200 else "unexpected JSON, not Prometheus'"
        return Reading(trouble=f"answered with {other}")
    if body["status"] == "error" or response.status != 200:
        return Reading(trouble=_describe_refusal(response, body))
    return Reading({"data": body.get("data")}, took_ms=response.took_ms)


def _parse_rows(data: Any) -> list[dict[str, Any]] | None:
    """Return each result with its labels and its value; None where it is not a list of numbers."""
    samples = _results(data)
    if samples is None:
        return None
    rows = []
    for item in samples:
        label, value = _parse_sample(item, "")
        if label is None or value is None:
            return None
        rows.append({**item["metric"], "value": value if math.isfinite(value) else None})
    return rows


def _results(data: Any) -> list[Any] | None:
    """Return the results of a vector; a scalar is treated as one result without labels."""
    kind, result = (data.get("resultType"), data.get("result")) if isinstance(data, dict) else (None, None)
    if kind == "scalar":
        kind, result = "vector", [{"metric": {}, "value": result}]
    return result if kind == "vector" and isinstance(result, list) else None


def _describe_refusal(response: Fetched, body: Mapping[str, Any]) -> str:
    reason = body.get("error")
    said = reason[:_LONGEST_REASON] if isinstance(reason, str) else f"status {response.status}"
    return f"refused the query: {said}"


def _parse_values(data: Any, by: str) -> dict[str, float] | str:
    """Return the values, or a text that says what is wrong with them."""
    result = _results(data)
    if result is None:
        return "did not answer with one value for each label"
    values: dict[str, float] = {}
    for item in result:
        label, value = _parse_sample(item, by)
        if label is None or value is None:
            return "did not answer with one value for each label"
        if label in values:
            return f"answered with several values for one {by!r}"
        values[label] = value
    return {label: value for label, value in values.items() if math.isfinite(value)}


def _parse_sample(item: Any, by: str) -> tuple[str | None, float | None]:
    metric, pair = (item.get("metric"), item.get("value")) if isinstance(item, dict) else (None, None)
    if not isinstance(metric, dict) or not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[1], str):
        return None, None
    label = metric.get(by, "")
    try:
        return (label if isinstance(label, str) else None), float(pair[1])
    except ValueError:
        return None, None
