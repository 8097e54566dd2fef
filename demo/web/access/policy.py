"""The access policy: identifies who sent a request and decides whether it may pass, before the application runs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

from demo.invitation import Invitation
from demo.web.access.addresses import ServerAddresses
from demo.web.access.bearer_token import BearerToken
from demo.web.access.origins import LOOPBACK_NAMES, AllowedNames, accepted_names, is_loopback, plain_address
from demo.web.access.pairing_codes import PairingCodes
from demo.web.access.proxies import describe_proxy
from demo.web.access.rate_limit import GuessLimiter
from demo.web.access.rules import SHOW, STREAMS, Rule, Rules
from demo.web.access.sessions import Session, Sessions

READING = ("GET", "HEAD")
VISITOR = "chaos_stage.visitor"

NO_PROXY = (
    "the presenter's side is closed to requests that came through a proxy ({}): if the proxy is yours, "
    "start the server with --public-name NAME, the name people type"
)
UNPAIRED = (
    "this is for the presenter: pair this browser on /pair, or send Authorization: Bearer with "
    "the content of the token file"
)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sent a request. `by`: what proves the presenter's role. `proxied`: it came through an unexpected proxy."""

    role: Literal["audience", "presenter"] = "audience"
    by: Literal["", "loopback", "session", "token"] = ""
    session: Session | None = None
    proxied: bool = False

    @property
    def is_presenter(self) -> bool:
        return self.role == "presenter"


@dataclass(frozen=True, slots=True)
class Denied:
    """Why a request may not pass. `wait`: seconds until it may be tried again. `allow`: methods that the path has.

    `to`: a page to redirect to instead.
    """

    code: str
    detail: str
    wait: int = 0
    allow: str = ""
    to: str = ""

    @property
    def headers(self) -> dict[str, str]:
        headers = {"retry-after": str(self.wait)} if self.wait else {}
        headers |= {"allow": self.allow} if self.allow else {}
        headers |= {"location": self.to} if self.to else {}
        return headers | ({"www-authenticate": "Bearer"} if self.code == "unpaired" else {})


class AccessPolicy:
    """The access policy of one server: loopback only, or open to others by pairing, session and token."""

    def __init__(
        self,
        addresses: ServerAddresses | None = None,
        token: BearerToken | None = None,
        sessions: Sessions | None = None,
        rules: Rules = SHOW,
    ) -> None:
        self.addresses = addresses or ServerAddresses()
        self.rules = rules
        self.token = token
        self.sessions = sessions or Sessions()
        self.pairing = PairingCodes() if self.addresses.is_open and rules.may_change else None
        self.guesses = GuessLimiter()
        self._token_guesses = GuessLimiter()
        self._names: AllowedNames = self.addresses.names

    @property
    def is_open(self) -> bool:
        """Return whether control needs a session or a token; otherwise everybody on this machine is the presenter."""
        return self.pairing is not None

    @property
    def cookie(self) -> str:
        """The session cookie's name. It contains the port, for browsers send a host's cookies to all its ports."""
        return f"chaos-stage-{self.addresses.port}"

    def invitation(self, at: str = "") -> Invitation | None:
        """Return the link and code that pair the next device; None where devices need no pairing.

        The link leads to `at` where that is one of this server's addresses.
        """
        if self.pairing is None:
            return None
        elsewhere = self.addresses.other_urls
        base = at if any(at == one.url for one in elsewhere) else self.addresses.main_url
        others = tuple(f"{one.url}/pair" + (f" ({one.interface})" if one.interface else "") for one in elsewhere)
        return Invitation(
            f"{base}/pair#{self.pairing.secret}",
            f"{base}/pair",
            self.pairing.typed,
            others,
            self.addresses.why_unreachable,
        )

    def authorize(self, scope: Scope) -> Visitor | Denied:
        """Return who sent the request, or why it may not pass."""
        headers = Headers(scope=scope)
        address, port = scope.get("server") or ("", None)
        hosts, origins = accepted_names(self._names, address, port or 0, scope.get("scheme", "http"))
        signs = describe_proxy(scope, headers, origins)
        # With a public name, a proxy in front is what the presenter has set up.
        proxy = signs if not self.addresses.public else ""
        # First of all, against DNS rebinding: another site's name may resolve to this machine.
        denied = self._check_host(scope, headers, signs, hosts)
        if denied is not None:
            return denied
        rule = self.rules.of(scope["method"], scope["path"])
        if rule is Rule.PARTICIPATE:
            denied = _check_participation(headers, origins)
        else:
            denied = self._check_change(scope, headers, proxy, origins)
        if denied is not None:
            return denied
        scope[RULE] = rule
        if rule is None:
            return _refuse_route(scope, self.rules)
        # SameSite cookies alone would not do: on a loopback-only server every browser here is the presenter's.
        if scope["method"] in READING and _is_cross_site(headers) and _is_private(rule, scope["path"]):
            return Denied("origin", "a page of another site may not open this")
        visitor = self._identify(scope, headers, proxy)
        if isinstance(visitor, Denied) or visitor.is_presenter or rule in (Rule.PUBLIC, Rule.PAIRING, Rule.PARTICIPATE):
            return visitor
        return _refuse_audience(rule, headers, proxy)

    def _check_change(self, scope: Scope, headers: Headers, proxy: str, origins: frozenset[str]) -> Denied | None:
        """Check what holds for every request that may change something, whoever sends it; None when it may pass."""
        if scope["method"] in READING or not self.rules.may_change:
            return None
        if proxy:
            return Denied("proxied", NO_PROXY.format(proxy))
        if any(origin not in origins for origin in headers.getlist("origin")):
            origin = headers.get("origin", "")
            return Denied("origin", f"the request comes from {origin[:100]!r}, not from a page of this server")
        if _is_cross_site(headers):
            site = headers.get("sec-fetch-site", "")
            return Denied("origin", f"the browser says that another site sent this ({site[:40]!r})")
        return None

    def _check_host(self, scope: Scope, headers: Headers, signs: str, hosts: Iterable[str]) -> Denied | None:
        """Check that the request names this server, once; None when it does."""
        if len(headers.getlist("host")) != 1 or not headers["host"].strip():
            return Denied("malformed", "a request must have one Host header, with the name of this server")
        return None if headers["host"].lower() in hosts else self._refuse_host(scope, headers["host"], signs, hosts)

    def is_current(self, visitor: Visitor) -> bool:
        """Return whether a visitor who was admitted still is one: a session may have been revoked meanwhile."""
        return visitor.session is None or self.sessions.is_active(visitor.session)

    def _refuse_host(self, scope: Scope, host: str, signs: str, hosts: Iterable[str]) -> Denied:
        """Refuse a wrong Host header. Only people at this machine are told the right ones, and how to tunnel."""
        wrong_host, port = f"this server is not {host[:100]!r}", self.addresses.port
        name, _, host_port = host.lower().rpartition(":")
        if not is_loopback(client_address(scope)):
            return Denied("host", f"{wrong_host}: use the address that you were given")
        if name in LOOPBACK_NAMES and host_port.isdecimal():
            option = f"--public-name {self.addresses.scheme}://{host.lower()}"
            tunnel = f"through a tunnel take the same port on both ends (ssh -L {port}:127.0.0.1:{port})"
            return Denied("host", f"{wrong_host}, its port is {port}: {tunnel}, or start the server with {option}")
        if signs:  # The proxy is on this machine, the client may be anywhere.
            return Denied("host", f"{wrong_host}: use the address that you were given")
        more = "" if self.addresses.public else "; more with --public-name"
        return Denied("host", f"{wrong_host}: it answers to {_join_names(hosts)}{more}")

    def _identify(self, scope: Scope, headers: Headers, proxy: str) -> Visitor | Denied:
        if proxy:
            return Visitor(proxied=True)
        bearer = _read_bearer(headers)
        # First, for a wrong token must be refused where loopback or a session would do, too.
        if bearer is not None and self.token is not None:
            return self._check_token(scope, bearer, self.token)
        if not self.is_open:
            return Visitor("presenter", "loopback")
        session = self.sessions.find(_read_cookies(headers, self.cookie))
        if session is None:
            return Visitor()
        # Browsers send Origin with every POST. Without it nothing tells that the page is ours: it could be CSRF.
        if scope["method"] not in READING and "origin" not in headers:
            return Denied("origin", "a request with a session cookie needs an Origin header, unless it only reads")
        return Visitor("presenter", "session", session)

    def _check_token(self, scope: Scope, bearer: str, token: BearerToken) -> Visitor | Denied:
        """Check a bearer token. Only wrong ones are rate-limited: a flood of guesses must not lock programs out."""
        if token.matches(bearer):
            return Visitor("presenter", "token")
        wait = self._token_guesses.delay_sec(client_address(scope))
        if wait:
            return Denied("slow_down", f"too many wrong tokens: try again in {wait} s", wait)
        return Denied("unpaired", "wrong token: `demo serve` prints the path of the token file when it starts")


def visitor_of(request: Request) -> Visitor:
    """Return who sent this request; the audience where the request has not passed the access middleware."""
    visitor = request.scope.get(VISITOR)
    return visitor if isinstance(visitor, Visitor) else Visitor()


def client_address(scope: Scope) -> str:
    """Return the address at the other end of the connection; all clients of one proxy or tunnel have the same."""
    client = scope.get("client")
    return plain_address(client[0]) if client else ""


def _is_cross_site(headers: Headers) -> bool:
    return any(site not in ("same-origin", "none") for site in headers.getlist("sec-fetch-site"))


def _check_participation(headers: Headers, origins: frozenset[str]) -> Denied | None:
    """Check that a page of this server sent what the audience may send, through whatever proxy; None when it did.

    A browser that says that the page is of the same origin knows better than the Origin, which a proxy may not fit.
    """
    if _is_cross_site(headers):
        site = headers.get("sec-fetch-site", "")
        return Denied("origin", f"the browser says that another site sent this ({site[:40]!r})")
    is_ours = "same-origin" in headers.getlist("sec-fetch-site")
    if not is_ours and any(origin not in origins for origin in headers.getlist("origin")):
        origin = headers.get("origin", "")
        return Denied("origin", f"the request comes from {origin[:100]!r}, not from a page of this server")
    return None


def _is_private(rule: Rule, path: str) -> bool:
    return rule is Rule.PRIVATE or path.startswith(STREAMS)


def _read_bearer(headers: Headers) -> str | None:
    scheme, _, rest = headers.get("authorization", "").strip().partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else None


def _read_cookies(headers: Headers, name: str) -> Iterable[str]:
    """Yield every value that is sent for this name: another server on this host may have set one too."""
    for header in headers.getlist("cookie"):
        for part in header.split(";"):
            key, separator, value = part.strip().partition("=")
            if separator and key == name:
                yield value.strip('"')


def _refuse_audience(rule: Rule, headers: Headers, proxy: str) -> Denied:
    if proxy:
        return Denied("proxied", NO_PROXY.format(proxy))
    # Only a browser that opens a page is redirected; a program needs the reason.
    is_browser = rule is Rule.PAGE and "text/html" in headers.get("accept", "")
    return Denied("unpaired", UNPAIRED, to="pair" if is_browser else "")


def _refuse_route(scope: Scope, rules: Rules) -> Denied:
    requested = f"{scope['method'][:20]} {scope['path'][:120]}"
    methods = set(rules.of_path(scope["path"]))
    allowed = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
    if not allowed:
        return Denied("not_found", f"{requested}: there is no such page or route")
    return Denied("method_not_allowed", f"{requested}: this route accepts {allowed}", allow=allowed)


def _join_names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


RULE = "demo.rule"
"""Key of the scope: the rule of the route, set once the host is known to be right."""
