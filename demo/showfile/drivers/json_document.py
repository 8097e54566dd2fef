"""One value in a shared JSON document over HTTP: read, and written back without touching the rest of the document."""

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonpath_rfc9535
from jsonpath_rfc9535.exceptions import JSONPathError

from demo.errors import FaultError
from demo.showfile.drivers.http_request import GONE, HttpAnswer, describe_request, exchange

ANSWER_SEC = 5.0
TRIES = 5
"""So often a document is read again that somebody else has changed between reading and writing."""

Location = tuple[str | int, ...]
"""The keys and indices that lead to a value."""


def same(one: Any, other: Any) -> bool:
    """Return whether two JSON values are the same; unlike in Python, 1 is not true."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@dataclass(frozen=True)
class Found:
    """A value in a document, as it was read. `etag`: of that version of the document, "" if the server tells none."""

    document: Any
    location: Location
    value: Any
    etag: str


@dataclass(frozen=True)
class JsonDocument:
    """`url` and `headers`: as they are sent, with their secrets. `said`: the URL as the show file has it."""

    url: str
    said: str
    method: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    async def find(self, path: str, location: Sequence[str | int] = ()) -> Found | None:
        """Return the one value at the JSONPath `path`, or else the one at `location`, where it was before.

        None if there is no such value, or no document any more. Raises `FaultError` if that is not known.
        """
        answer = await exchange({"url": self.url, "method": "GET", "headers": self.headers}, self.said, ANSWER_SEC)
        if answer.status in GONE:
            return None
        document = self._parse(answer)
        at = find_location(document, path) or find_same_location(document, tuple(location))
        etag = answer.etag if answer.etag.startswith('"') else ""
        return None if at is None else Found(document, at, read_at(document, at), etag)

    def _parse(self, answer: HttpAnswer) -> Any:
        what = describe_request({"method": "GET"}, self.said)
        if not 200 <= answer.status < 300:
            raise FaultError(f"{what} was answered with {answer.status}")
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError) as error:
            raise FaultError(f"{what} was not answered with JSON") from error

    async def write(self, found: Found, value: Any) -> bool:
        """Write the value; return False if the document was changed since it was read. Raises `FaultError`."""
        headers = dict(self.headers) | ({"If-Match": found.etag} if found.etag else {})
        body = written(found.document, found.location, value)
        if self.method == "PATCH" and all(isinstance(key, str) for key in found.location):
            body = value
            for key in reversed(found.location):
                body = {key: body}
            headers = {"Content-Type": "application/merge-patch+json"} | headers
        request = {"url": self.url, "method": self.method, "headers": headers, "body": body}
        # Text is sent as it is elsewhere; a document that is a mere text is still JSON.
        if isinstance(body, str):
            request |= {"body": json.dumps(body), "headers": {"Content-Type": "application/json"} | headers}
        answer = await exchange(request, self.said, ANSWER_SEC)
        if answer.status == 412:
            return False
        if not 200 <= answer.status < 300:
            raise FaultError(f"{describe_request(request, self.said)} was answered with {answer.status}")
        return True


def find_location(document: Any, path: str) -> Location | None:
    """Return the location of the only value that a JSONPath finds; None if it finds none.

    Raises `FaultError` if it finds several, or is not a valid JSONPath.
    """
    try:
        nodes = jsonpath_rfc9535.find(path, document)
    except JSONPathError as error:
        raise FaultError(f"{path!r} is not a valid JSONPath: {str(error).splitlines()[0]}") from error
    if len(nodes) > 1:
        raise FaultError(f"{path!r} finds {len(nodes)} values, and a fault changes one: write a path to one of them")
    return nodes[0].location if nodes else None


def find_same_location(document: Any, location: Location) -> Location | None:
    """Return the location if the document has a value there, and it is not the document itself."""
    try:
        read_at(document, location)
    except (LookupError, TypeError):
        return None
    return location or None


def read_at(document: Any, location: Location) -> Any:
    """Return the value there. Raises `LookupError` or `TypeError` if there is none."""
    for key in location:
        document = document[key]
    return document


def written(document: Any, location: Location, value: Any) -> Any:
    """Return the document with another value there."""
    if not location:
        return value
    document = copy.deepcopy(document)
    read_at(document, location[:-1])[location[-1]] = value
    return document
