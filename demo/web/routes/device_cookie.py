"""The cookie with the random id of a device of the audience: it votes and asks under it, and nobody is known by it."""

from collections.abc import Callable

from fastapi import Request
from fastapi.responses import Response

from demo.ballots.voters import is_device, new_device

COOKIE = "chaos-vote"
"""The cookie's name. It has no port: what stands for a device differs in every vote anyway."""

COOKIE_SEC = 24 * 3600


class DeviceCookie:
    """Reads and sets the cookie. `cookie_path` returns its path for a Host header."""

    def __init__(self, cookie_path: Callable[[str], str]) -> None:
        self._cookie_path = cookie_path

    def device_of(self, request: Request, sent: str) -> str:
        """Return the device of a request: by its cookie, else the id that the page `sent`, else a new one."""
        known = request.cookies.get(COOKIE, "")
        return known if is_device(known) else sent or new_device()

    def remember(self, request: Request, response: Response, device: str) -> None:
        """Set the cookie, unless the request had it."""
        if request.cookies.get(COOKIE, "") == device:
            return
        response.set_cookie(
            COOKIE,
            device,
            max_age=COOKIE_SEC,
            path=self._cookie_path(request.headers.get("host", "")),
            secure=request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://"),
            httponly=True,
            samesite="strict",
        )
