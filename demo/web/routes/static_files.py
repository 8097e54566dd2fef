"""Routes of the pages' static files."""

from fastapi import FastAPI, Request
from fastapi.responses import Response

from demo.web.problems import problem
from demo.web.rendering.assets import Assets
from demo.web.rendering.gzip import accepts_gzip


def add_files(app: FastAPI, assets: Assets) -> None:
    """Add the routes of everything below /static and of the favicon."""

    async def asset(request: Request) -> Response:
        path = request.url.path
        file = assets.find("favicon.svg" if path == "/favicon.ico" else path)
        if file is None:
            return problem("not_found", f"there is no file {path[:80]!r} in this show")
        packed = accepts_gzip(request)
        return Response(file.content(packed), headers=file.headers(packed))

    app.add_api_route("/static/{path:path}", asset, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/favicon.ico", asset, methods=["GET", "HEAD"], include_in_schema=False)
