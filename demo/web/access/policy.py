"""Who is asking, and may they? One decision for each request, before anything of the application runs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

from demo.invitation import Invitation
from demo.web.access.addresses import ServerAddresses
from demo.web.access.bearer_token import BearerToken
from demo.web.access.origins import LOOPBACK_NAMES, AllowedNames, is_loopback, known, plain_address
from demo.web.access.pairing_codes import PairingCodes
from demo.web.access.proxies import proxy_shown
from demo.web.access.rate_limit import RateLimiter
from demo.web.access.rules import SHOW, STREAMS, Rule, Rules
from demo.web.access.sessions import Session, Sessions

READING = ("GET", "HEAD")
VISITOR = "chaos_stage.visitor"

NO_PROXY = (
    "the presenter's side is closed to requests that came through a proxy ({}): if the proxy is yours, "
    "start the server with --public-name NAME, the name people type"
)
UNPAIRED = (
    "this is for the presenter: pair this browser on /pair, or send Authorization: Bearer with the token file's word"
)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sent a request. `by`: what made it the presenter's. `proxied`: it came through a proxy nobody named."""

    role: Literal["audience", "presenter"] = "audience"
    by: Literal["", "loopback", "session", "token"] = ""
    session: Session | None = None
    proxied: bool = False

    @property
    def is_presenter(self) -> bool:
        return self.role == "presenter"


@dataclass(frozen=True, slots=True)
class Denied:
    """Why a request may not pass. `wait`: seconds after which it may be tried again. `to`: a page to go to instead."""

    code: str
    detail: str
    wait: int = 0
    allow: str = ""
    to: str = ""

    @property
    def headers(self) -> dict[str, str]:
        found = {"retry-after": str(self.wait)} if self.wait else {}
        found |= {"allow": self.allow} if self.allow else {}
        found |= {"location": self.to} if self.to else {}
        return found | ({"www-authenticate": "Bearer"} if self.code == "unpaired" else {})


class AccessPolicy:
    """The rules of one server: loopback only, or open to others by pairing, session and token."""

    def __init__(
        self,
        reach: ServerAddresses | None = None,
        token: BearerToken | None = None,
        sessions: Sessions | None = None,
        rules: Rules = SHOW,
    ) -> None:
        self.reach = reach or ServerAddresses()
        self.rules = rules
        self.token = token
        self.sessions = sessions or Sessions()
        self.pairing = PairingCodes() if self.reach.is_open and rules.may_change else None
        self.guesses = RateLimiter()
        self._bearers = RateLimiter()
        self._names: AllowedNames = self.reach.names

    @property
    def is_open(self) -> bool:
        """Control needs the presenter's role, whoever asks."""
        return self.pairing is not None

    @property
    def cookie(self) -> str:
        """Its name holds the port: cookies do not tell two servers on one host apart."""
        return f"chaos-stage-{self.reach.port}"

    def invitation(self, at: str = "") -> Invitation | None:
        """What pairs the next device, as of now; None where nothing has to be paired.

        `at`: the address that is wanted, where it is one of this server's.
        """
        if self.pairing is None:
            return None
        elsewhere = self.reach.elsewhere
        here = at if any(at == one.url for one in elsewhere) else self.reach.everywhere
        others = tuple(f"{one.url}/pair" + (f" ({one.interface})" if one.interface else "") for one in elsewhere)
        return Invitation(
            f"{here}/pair#{self.pairing.secret}", f"{here}/pair", self.pairing.typed, others, self.reach.lacking
        )

    def judge(self, scope: Scope) -> Visitor | Denied:
        """Let the request in as somebody, or say why not."""
        headers = Headers(scope=scope)
        address, port = scope.get("server") or ("", None)
        hosts, origins = known(self._names, address, port or 0, scope.get("scheme", "http"))
        signs = proxy_shown(scope, headers, origins)
        shown = signs if not self.reach.public else ""
        if len(headers.getlist("host")) != 1 or headers.get("host", "").lower() not in hosts:
            return self._not_this(scope, headers.get("host", ""), signs, hosts)
        denied = self._may_change(scope, headers, shown, origins)
        if denied is not None:
            return denied
        rule = self.rules.of(scope["method"], scope["path"])
        if rule is None:
            return _no_route(scope, self.rules)
        if scope["method"] in READING and _is_cross(headers) and _is_private(rule, scope["path"]):
            return Denied("origin", "a page of another site may not open this")
        visitor = self._who(scope, headers, shown)
        if isinstance(visitor, Denied) or visitor.is_presenter or rule in (Rule.PUBLIC, Rule.PAIRING):
            return visitor
        return _not_the_presenter(rule, headers, shown)

    def _may_change(self, scope: Scope, headers: Headers, shown: str, origins: frozenset[str]) -> Denied | None:
        """What every request that changes something must keep, whoever sends it."""
        if scope["method"] in READING or not self.rules.may_change:
            return None
        if shown:
            return Denied("proxied", NO_PROXY.format(shown))
        if any(origin not in origins for origin in headers.getlist("origin")):
            origin = headers.get("origin", "")
            return Denied("origin", f"the request comes from {origin[:100]!r}, not from a page of this server")
        if _is_cross(headers):
            site = headers.get("sec-fetch-site", "")
            return Denied("origin", f"the browser says that another site sent this ({site[:40]!r})")
        return None

    def _not_this(self, scope: Scope, host: str, signs: str, hosts: Iterable[str]) -> Denied:
        """To whom this server answers, for who sits at this machine; others need not know its addresses."""
        what, port = f"this server is not {host[:100]!r}", self.reach.port
        name, _, given = host.lower().rpartition(":")
        if not is_loopback(client_address(scope)):
            return Denied("host", f"{what}: ask for it by the name you were given")
        if name in LOOPBACK_NAMES and given.isdecimal():
            named = f"--public-name {self.reach.scheme}://{host.lower()}"
            tunnel = f"through a tunnel take the same port on both ends (ssh -L {port}:127.0.0.1:{port})"
            return Denied("host", f"{what}, its port is {port}: {tunnel}, or start the server with {named}")
        if signs:
            return Denied("host", f"{what}: ask for it by the name you were given")
        more = "" if self.reach.public else "; more with --public-name"
        return Denied("host", f"{what}: it answers to {_list(hosts)}{more}")

    def _who(self, scope: Scope, headers: Headers, shown: str) -> Visitor | Denied:
        if shown:
            return Visitor(proxied=True)
        bearer = _bearer(headers)
        if bearer is not None and self.token is not None:
            return self._by_token(scope, bearer, self.token)
        if not self.is_open:
            return Visitor("presenter", "loopback")
        session = self.sessions.find(_cookies(headers, self.cookie))
        if session is None:
            return Visitor()
        if scope["method"] not in READING and "origin" not in headers:
            return Denied("origin", "a browser names the page that sends (Origin); this request does not")
        return Visitor("presenter", "session", session)

    def _by_token(self, scope: Scope, bearer: str, token: BearerToken) -> Visitor | Denied:
        """A right token is never slowed down; wrong ones are."""
        if token.fits(bearer):
            return Visitor("presenter", "token")
        wait = self._bearers.hold(client_address(scope))
        if wait:
            return Denied("slow_down", f"too many wrong tokens: try again in {wait} s", wait)
        return Denied("unpaired", "this is not the token of this server: its start names the file that holds it")


def visitor_of(request: Request) -> Visitor:
    """Who sent this request; nobody in particular where no guard has looked at it."""
    found = request.scope.get(VISITOR)
    return found if isinstance(found, Visitor) else Visitor()


def client_address(scope: Scope) -> str:
    """Where the connection came from: of a tunnel, all visitors are one."""
    client = scope.get("client")
    return plain_address(client[0]) if client else ""


def _is_cross(headers: Headers) -> bool:
    return any(site not in ("same-origin", "none") for site in headers.getlist("sec-fetch-site"))


def _is_private(rule: Rule, path: str) -> bool:
    return rule is Rule.PRIVATE or path.startswith(STREAMS)


def _bearer(headers: Headers) -> str | None:
    scheme, _, rest = headers.get("authorization", "").strip().partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else None


def _cookies(headers: Headers, name: str) -> Iterable[str]:
    """Every value that is sent for this name: another server on this host may have set one too."""
    for header in headers.getlist("cookie"):
        for part in header.split(";"):
            key, separator, value = part.strip().partition("=")
            if separator and key == name:
                yield value.strip('"')


def _not_the_presenter(rule: Rule, headers: Headers, shown: str) -> Denied:
    if shown:
        return Denied("proxied", NO_PROXY.format(shown))
    is_browser = rule is Rule.PAGE and "text/html" in headers.get("accept", "")
    return Denied("unpaired", UNPAIRED, to="pair" if is_browser else "")


def _no_route(scope: Scope, rules: Rules) -> Denied:
    what = f"{scope['method'][:20]} {scope['path'][:120]}"
    allowed = ", ".join(sorted(rules.of_path(scope["path"])))
    if not allowed:
        return Denied("not_found", f"{what}: there is no such thing here")
    return Denied("method_not_allowed", f"{what}: this takes {allowed}", allow=allowed)


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
