"""A refusal as bytes, for a request that never gets to the application."""

import json
from email.utils import formatdate
from http import HTTPStatus

from demo.web.problems import MEDIA_TYPE, STATUS, problem_body


def raw_problem(code: str, detail: str) -> bytes:
    """Build a whole HTTP response that ends its connection."""
    status = STATUS[code]
    body = json.dumps(problem_body(code, detail)).encode("ascii")
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ndate: {formatdate(usegmt=True)}\r\n"
        f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\ncache-control: no-store\r\n"
        f"x-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
