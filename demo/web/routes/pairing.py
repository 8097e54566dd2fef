"""Routes for pairing: the page that pairs a browser, the codes for the next device, and the list of paired devices."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup

from demo.conductor import ShowHost
from demo.errors import InvalidValue
from demo.invitation import to_svg
from demo.show import commands as c
from demo.texts import mark_text
from demo.views.state_json import moment
from demo.web.access.addresses import OtherAddress
from demo.web.access.policy import AccessPolicy, Denied, Visitor, client_address, visitor_of
from demo.web.access.sessions import MAX_AGE_SEC, Session
from demo.web.access.user_agent import describe_device
from demo.web.problems import STATUS, problem
from demo.web.rendering.renderer import Renderer
from demo.web.responses import AsciiJsonResponse
from demo.web.routes.fields import NoFields, PairFields, body_fields, names_of
from demo.web.routes.openapi import (
    EVERYWHERE,
    FOR_HTMX,
    Described,
    add_page,
    answer,
    in_path,
    operation_id,
    query,
    takes,
)

USED = mark_text("this code was used already: scan the new one, or type the code beside it")
WRONG_LINK = mark_text("this link is no longer valid, its code was renewed: scan the one that is shown now")
WRONG_CODE = mark_text("this is not the code that is shown now")
NOTHING_SENT = "no code given: send 'secret' (of the link) or 'code' (as typed), in a form or as JSON"
NOT_OPEN = mark_text(
    "there is nothing to pair: this server listens on loopback only, where every page may control the show. "
    "Start it with --host 0.0.0.0 to let phones in"
)

NOT_THROUGH = mark_text(
    "nothing can be paired through a proxy that the server does not know: "
    "if it is yours, start the server with --public-name NAME, the name people type"
)

_AT = {
    "parameters": [
        query(
            "at", {"type": "string"}, "Another of the server's addresses, as `elsewhere` names them: for a link to it."
        )
    ]
}
_PAIRED: Described = {
    **answer("Paired", "paired; the cookie is the session"),
    303: {"description": "paired, from a form: back to the page"},
}
_PAIRING = answer("Pairing", "as JSON; for htmx as markup")
_PAIRING[200]["content"]["text/html"] = {"schema": {"type": "string"}}
_REVOKED = answer("Revoked") | FOR_HTMX


class PairingRoutes:
    """The routes that pair devices, list them, and revoke their sessions."""

    def __init__(self, access: AccessPolicy, pages: Renderer, conductor: ShowHost) -> None:
        self._access = access
        self._pages = pages
        self._conductor = conductor

    def routes(self) -> APIRouter:
        """Return the routes of pairing and of the list of devices."""
        router = APIRouter(tags=["access"], responses=EVERYWHERE, generate_unique_id_function=operation_id)
        self._add_pair(router)
        self._add_devices(router)
        return router

    # Pairing.

    def _add_pair(self, router: APIRouter) -> None:
        async def page(request: Request) -> Response:
            return self._render_pair_page(visitor_of(request))

        add_page(router, "/pair", page, "Where a browser is paired.")

        @router.post("/pair", response_class=Response, openapi_extra=takes(PairFields), responses=_PAIRED)
        async def pair(request: Request) -> Response:
            """Pair a device: exchange the link's `secret` or the typed `code` for a session. Form or JSON."""
            # A form that the browser submits wants a page back; the page's script and programs want JSON.
            from_form = "text/html" in request.headers.get("accept", "")
            denied = self._redeem_code(request, await _read_fields(request))
            if denied is None:
                return self._pair_device(request, from_form)
            if from_form:
                return self._render_pair_page(visitor_of(request), denied)
            return problem(denied.code, denied.detail, denied.headers)

    def _redeem_code(self, request: Request, fields: dict[str, str]) -> Denied | None:
        """Use up the code that was sent, or return why it pairs nothing.

        Only typed codes are rate-limited: they are short. A link's secret cannot be guessed, so that a flood of guesses
        keeps nobody out who scans it.
        """
        pairing = self._access.pairing
        if pairing is None:
            return Denied("bad_code", NOT_OPEN)
        if secret := fields.get("secret"):
            if pairing.take_secret(secret):
                return None
            return Denied("bad_code", USED if pairing.was_used(secret) else WRONG_LINK)
        if not (code := fields.get("code")):
            return Denied("invalid", NOTHING_SENT)
        wait = self._access.guesses.delay_sec(client_address(request.scope))
        if wait:
            return Denied("slow_down", f"too many codes were tried from this network: try again in {wait} s", wait)
        return None if pairing.take_code(code) else Denied("bad_code", WRONG_CODE)

    def _pair_device(self, request: Request, from_form: bool) -> Response:
        name = describe_device(request.headers.get("user-agent", ""))
        token, session = self._access.sessions.pair(name, visitor_of(request).session)
        self._conductor.enqueue("show", c.Notice(f"{session.device} was paired", "note"))
        response: Response = (
            Response(status_code=303, headers={"location": "pair"})
            if from_form
            else AsciiJsonResponse({"paired": True, "id": session.ident, "device": session.device})
        )
        # Behind a proxy that terminates TLS, only the page's Origin shows that the browser uses https.
        secure = request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")
        response.set_cookie(
            self._access.cookie,
            token,
            max_age=int(MAX_AGE_SEC),
            path=self._access.addresses.cookie_path(request.headers.get("host", "")),
            secure=secure,
            httponly=True,
            samesite="strict",
        )
        return response

    def _render_pair_page(self, visitor: Visitor, denied: Denied | None = None) -> Response:
        html = self._pages.document(
            "pair.html",
            language=self._conductor.state.chapter.style.language,
            title=self._conductor.state.title,
            closed=NOT_OPEN if not self._access.is_open else NOT_THROUGH if visitor.proxied else "",
            paired=self._access.is_open and visitor.is_presenter,
            refused=denied.detail if denied else "",
        )
        headers = denied.headers if denied else {}
        return HTMLResponse(html, STATUS[denied.code] if denied else 200, headers=headers)

    # Devices.

    def _add_devices(self, router: APIRouter) -> None:
        sessions = self._access.sessions

        @router.get("/pairing", response_class=Response, responses=_PAIRING, openapi_extra=_AT)
        async def show_pairing(request: Request) -> Response:
            """Return the link and the code that pair the next device; as markup for the presenter's page."""
            at = request.query_params.get("at", "")
            if request.headers.get("hx-request") == "true":
                return HTMLResponse(self._render_codes_and_devices(visitor_of(request), at))
            return AsciiJsonResponse(self._codes_to_json(at))

        @router.get("/sessions", response_class=Response, responses=answer("Sessions"))
        async def list_sessions(request: Request, fields: NoFields) -> Response:
            """List the paired devices, and what each did last."""
            me = visitor_of(request).session
            return AsciiJsonResponse({"sessions": [_session_to_json(session, me) for session in sessions.all()]})

        for path, listed in (("/pairing", show_pairing), ("/sessions", list_sessions)):
            router.add_api_route(path, listed, methods=["HEAD"], include_in_schema=False)

        @router.post("/sessions/revoke-all", response_class=Response, responses=_REVOKED)
        async def revoke_all_sessions(request: Request, fields: NoFields) -> Response:
            """End every session but the one that asks."""
            me = visitor_of(request).session
            return await self._finish_revocation(request, sessions.revoke_all(me.ident if me else None))

        @router.post(
            "/sessions/{ident}/revoke", response_class=Response, responses=_REVOKED, openapi_extra=in_path("ident")
        )
        async def revoke_session(request: Request, fields: NoFields) -> Response:
            """End one session: its streams end at once, and its cookie is worth nothing."""
            if not sessions.revoke(request.path_params["ident"]):
                return problem("not_found", "there is no such paired device: the list has changed")
            return await self._finish_revocation(request, 1)

    async def _finish_revocation(self, request: Request, count: int) -> Response:
        """Renew the codes after `count` sessions were revoked, and respond.

        The codes are renewed, for a revoked device may have read them and could pair again.
        """
        if self._access.pairing is not None:
            self._access.pairing.renew()
        is_durable = await self._access.sessions.wait_until_saved()
        if request.headers.get("hx-request") == "true":
            return Response(status_code=204)
        return AsciiJsonResponse({"revoked": count, "durable": is_durable})

    def _codes_to_json(self, at: str) -> dict[str, Any]:
        invitation, own = self._access.invitation(at), self._access.addresses
        if invitation is None:
            return {"open": False, "link": None, "place": None, "code": None, "elsewhere": []}
        place = invitation.place
        addresses = [OtherAddress(own.main_url), *own.other_urls]
        others = [{"at": one.url, "interface": one.interface} for one in addresses if f"{one.url}/pair" != place]
        return {"open": True, "link": invitation.link, "place": place, "code": invitation.code, "elsewhere": others}

    def _render_codes_and_devices(self, visitor: Visitor, at: str) -> str:
        codes = self._codes_to_json(at)
        return self._pages.document(
            "pairing.html",
            language=self._conductor.state.chapter.style.language,
            codes=codes,
            why_unreachable=self._access.addresses.why_unreachable,
            qr=Markup(to_svg(codes["link"])) if codes["link"] else None,  # noqa: S704 - holds no text
            plain=self._access.addresses.is_unencrypted,
            sessions=self._access.sessions.all(),
            me=visitor.session,
            not_open=NOT_OPEN,
            durable=self._access.sessions.durable,
        )


async def _read_fields(request: Request) -> dict[str, str]:
    """Read the text fields of the body.

    The query is ignored, for URLs end up in histories and logs. The error of a body that cannot be read must not quote
    it: it may contain a code. Raises `InvalidValue`.
    """
    try:
        fields = await body_fields(request, {})
    except InvalidValue:
        raise InvalidValue(NOTHING_SENT) from None
    if fields.keys() - set(names_of(PairFields)) or request.query_params:
        raise InvalidValue(NOTHING_SENT)  # The field is not named: it may hold a code.
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def _session_to_json(session: Session, me: Session | None) -> dict[str, Any]:
    return {
        "id": session.ident,
        "device": session.device,
        "paired_at": moment(session.paired_at),
        "did": session.did or None,
        "did_at": moment(session.did_at),
        "this_one": session is me,
    }
