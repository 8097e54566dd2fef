"""What a page weighs on the wire, and when something of it is seen: in a Chromium with an empty cache.

Bytes are what Chromium received, heads included; the stream is not counted, it has no end.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from playwright.sync_api import Browser, Request

from tests.support.chromium import PHONE, PROJECTOR, Window, chromium
from tests.support.servers import Server, serving, wait_for

PAINT = "() => performance.getEntriesByType('paint').find(e => e.name === 'first-contentful-paint')?.startTime"

Row = tuple[str, list[float], str]

PAGES = (("stage", "/", PROJECTOR), ("stage, phone", "/", PHONE), ("presenter's phone", "/remote", PHONE))


@dataclass(frozen=True, slots=True)
class Load:
    """One first visit. `painted_ms`: from the start of the navigation to the first contentful paint."""

    document: int
    assets: int
    requests: int
    streams: int
    painted_ms: float
    console_errors: tuple[str, ...]

    @property
    def whole(self) -> int:
        return self.document + self.assets


def weights(visits: int) -> Iterator[Row]:
    """`visits` of each page, each with nothing cached."""
    with chromium() as browser:
        for show in ("none", "ratelimiter"):
            with serving(show) as server:
                if show != "none":
                    server.until(lambda state: bool(state["health"]) and not state["health"]["has_issues"], 60)
                for where, path, size in PAGES:
                    loads = [visit(browser, server, path, size) for _ in range(visits)]
                    what = f"`{show}`, {where}, first visit"
                    yield (
                        f"{what}: page and {loads[0].requests - 1} files, packed",
                        [load.whole / 1024 for load in loads],
                        "KB",
                    )
                    yield f"{what}: of that the page itself", [load.document / 1024 for load in loads], "KB"
                    yield f"{what}: first contentful paint", [load.painted_ms for load in loads], "ms"


def visit(browser: Browser, server: Server, path: str, size: tuple[int, int] = PROJECTOR) -> Load:
    """Open a page in a context of its own, and wait until it is live and painted."""
    window = Window(browser, "about:blank", size)
    asked: list[Request] = []
    window.page.on("request", lambda request: asked.append(request))  # noqa: PLW0108 - Playwright marks the function
    try:
        window.page.goto(f"{server.url}{path}")
        window.page.wait_for_selector("body[data-link=up]")
        painted = wait_for(lambda: window.page.evaluate(PAINT))
        streams = [request for request in asked if "/stream/" in request.url]
        others = [request for request in asked if request not in streams]
        sizes = {request.url: _received(request) for request in others}
        document = sizes.pop(f"{server.url}{path}")
        return Load(
            document, sum(sizes.values()), len(others), len(streams), float(painted), tuple(window.console_errors)
        )
    finally:
        window.close()


def _received(request: Request) -> int:
    response = request.response()
    assert response is not None
    response.finished()
    sizes = request.sizes()
    return sizes["responseBodySize"] + sizes["responseHeadersSize"]
