"""Faults as regions, detections and recoveries as points: annotations for Grafana, by either of its two APIs.

`POST /api/annotations` answers with the `id` of what it has created, the app platform's API with `metadata.name`.
"""

import html
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from demo.notify.delivery import DeliveryResult
from demo.notify.http_client import DeliveryAnswer, HttpClient, outcome_of
from demo.notify.notified_show import NotifiedShow
from demo.notify.receivers import GrafanaApi
from demo.show import FaultState
from demo.show import events as e

TAG = "chaos-stage"
"""A tag of every annotation; the others are the subject, the fault, and what it is: a fault, detected, recovered."""

Run = tuple[str, int]
"""A fault by its name, and the number of its run."""

API_VERSION = "annotation.grafana.app/v0alpha1"

CANNOT_PATCH = (400, 404, 405, 409, 422)
"""Grafana does not change that annotation: it was removed, or this version does not move the end of one."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """One change in Grafana. `time` and `time_end`: milliseconds of the epoch. `end` ends the region of `run`."""

    kind: Literal["begin", "end", "point"]
    run: Run
    time: int
    text: str
    tags: tuple[str, ...]
    time_end: int | None = None


class GrafanaAnnotations:
    """Makes and sends the annotations of one show."""

    def __init__(self, grafana: GrafanaApi, client: HttpClient, show: NotifiedShow) -> None:
        self._grafana, self._client, self._show = grafana, client, show
        self._begun: dict[Run, int] = {}
        self._created: dict[Run, str] = {}

    def messages(self, entry: e.JournalEntry, *, is_durable: bool) -> Iterator[Annotation]:
        """Yield the annotation about an entry, for most there is none."""
        match entry.event:
            case e.FaultStarted(name, run):
                # From here on the show measures, and the target may be changed.
                self._begun[name, run] = self._milliseconds(entry.at)
            case e.FaultFailed(name, run, touched=False):
                self._begun.pop((name, run), None)
            case e.FaultInjected(name, run):
                began = self._begun.get((name, run)) or self._milliseconds(entry.at)
                yield Annotation("begin", (name, run), began, self._describe(name), self._tags("fault", name))
            case e.FaultHealed(name, run, back_at):
                since = self._begun.pop((name, run), None) or self._began_before(name, run)
                if since is not None:
                    until = max(since, self._milliseconds(entry.at if back_at is None else back_at))
                    tags, text = self._tags("fault", name), self._describe(name)
                    yield Annotation("end", (name, run), since, text, tags, until)
            case e.FaultDetected(name, run, after_sec):
                text = f"{name} detected, {after_sec:.3g} s after the injection"
                yield self._point((name, run), entry.at, "detected", text)
            case e.FaultRecovered(name, run, after_sec):
                text = f"recovered from {name}, {after_sec:.3g} s after the heal"
                yield self._point((name, run), entry.at, "recovered", text)
            case e.FaultCameBack(name, run, after_sec):
                text = f"{name}: the target came back by itself, {after_sec:.3g} s after the injection"
                yield self._point((name, run), entry.at, "came-back", text)

    async def send(self, annotation: Annotation) -> DeliveryResult:
        """Make one attempt. The end of a region that Grafana does not know is sent as a whole region."""
        created = self._created.get(annotation.run) if annotation.kind == "end" else None
        if created is not None:
            answer = await self._patch(created, annotation)
            if answer.status not in CANNOT_PATCH:
                return self._ended(annotation, answer)
            del self._created[annotation.run]
        answer = await self._post(annotation)
        if annotation.kind == "begin" and (ident := self._read_id(answer)):
            self._created[annotation.run] = ident
        return outcome_of(answer)

    def _ended(self, annotation: Annotation, answer: DeliveryAnswer) -> DeliveryResult:
        outcome = outcome_of(answer)
        if outcome.kind == "delivered":
            del self._created[annotation.run]
        return outcome

    async def _post(self, annotation: Annotation) -> DeliveryAnswer:
        fields: dict[str, Any] = {"time": annotation.time}
        if annotation.time_end is not None:
            fields["timeEnd"] = annotation.time_end
        fields |= {"tags": list(annotation.tags), "text": annotation.text}
        if self._grafana.api == "app-platform":
            fields = {
                "apiVersion": API_VERSION,
                "kind": "Annotation",
                "metadata": {"generateName": "a-"},
                "spec": fields,
            }
        return await self._request("POST", self._grafana.address.url, "application/json", fields)

    async def _patch(self, ident: str, annotation: Annotation) -> DeliveryAnswer:
        url, end = f"{self._grafana.address.url}/{ident}", {"timeEnd": annotation.time_end}
        if self._grafana.api == "app-platform":
            return await self._request("PATCH", url, "application/merge-patch+json", {"spec": end})
        return await self._request("PATCH", url, "application/json", end)

    async def _request(self, method: str, url: str, media_type: str, fields: dict[str, Any]) -> DeliveryAnswer:
        headers = {"Content-Type": media_type, "Accept": "application/json"}
        if self._grafana.address.authorization:
            headers["Authorization"] = self._grafana.address.authorization
        return await self._client.request(method, url, headers, json.dumps(fields).encode(), reads_body=True)

    def _read_id(self, answer: DeliveryAnswer) -> str:
        """Return the id of what was created; empty when the answer has none that may stand in a URL."""
        try:
            data = json.loads(answer.body)
            found = data["metadata"]["name"] if self._grafana.api == "app-platform" else data["id"]
        except (ValueError, LookupError, TypeError):
            return ""
        ident = str(found)
        return ident if ident and all(part.isalnum() for part in ident.replace(".", "-").split("-")) else ""

    def _point(self, run: Run, at: float, what: str, text: str) -> Annotation:
        return Annotation(
            "point", run, self._milliseconds(at), html.escape(text, quote=False), self._tags(what, run[0])
        )

    def _tags(self, what: str, name: str) -> tuple[str, ...]:
        return (TAG, what, name, self._show.state.subject)

    def _describe(self, name: str) -> str:
        fault = self._fault(name)
        text = f"{name} on {fault.target}: {fault.config.description}" if fault is not None else name
        return html.escape(text, quote=False)

    def _began_before(self, name: str, run: int) -> int | None:
        """Return when the fault was injected, by another process that the show was continued from."""
        fault = self._fault(name)
        if fault is None or fault.run != run or fault.injected_at is None:
            return None
        return self._milliseconds(fault.injected_at)

    def _fault(self, name: str) -> FaultState | None:
        return next((fault for fault in self._show.state.faults if fault.name == name), None)

    def _milliseconds(self, at: float) -> int:
        return round(self._show.clock.wall(at) * 1000)
