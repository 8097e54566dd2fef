"""The table of access rules: every route of the application has a rule here; a route without one is denied."""

import re
from collections.abc import Mapping
from enum import Enum


class Rule(Enum):
    """What a route requires of its caller."""

    PUBLIC = "anyone may read"
    PAGE = "a page of the presenter's: others are sent to the pairing"
    PRIVATE = "only the presenter may read"
    CONTROL = "only the presenter may do"
    PARTICIPATE = "anyone may do, from a page of this server: it controls nothing"
    PAIRING = "anyone may try, from a page of this server; slowed down"


_PUBLIC = ("/", "/pair", "/state", "/healthz", "/openapi.json", "/favicon.ico", "/static/{path:path}", "/images/{name}")
_PUBLIC_STREAM = "/stream/stage"
_PAGES = ("/presenter", "/remote", "/print", "/report")
_PRIVATE = ("/events", "/thumbnails", "/metrics", "/sessions", "/pairing", "/stream/{view}")
_CONTROL = (
    "/advance",
    "/back",
    "/goto/{chapter}",
    "/rerun",
    "/chaos/{name}",
    "/chaos/{name}/heal",
    "/heal",
    "/halt",
    "/resume",
    "/say",
    "/blackout",
    "/freeze",
    "/plan-b",
    "/timer/start",
    "/timer/pause",
    "/timer/reset",
    "/vote/open",
    "/vote/close",
    "/questions/{ident}/show",
    "/questions/{ident}/dismiss",
    "/sessions/revoke-all",
    "/sessions/{ident}/revoke",
)

RULES: Mapping[tuple[str, str], Rule] = {
    **{("GET", path): Rule.PUBLIC for path in (*_PUBLIC, _PUBLIC_STREAM)},
    **{("GET", path): Rule.PAGE for path in _PAGES},
    **{("GET", path): Rule.PRIVATE for path in _PRIVATE},
    **{("POST", path): Rule.CONTROL for path in _CONTROL},
    ("POST", "/pair"): Rule.PAIRING,
    ("POST", "/vote"): Rule.PARTICIPATE,
    ("POST", "/ask"): Rule.PARTICIPATE,
}
"""Rules by method and path template, as in the application's routes. HEAD counts as GET."""

STREAMS = ("/events", "/stream/")
"""Paths of streams. Each holds a connection open, so another site's page may not even request one."""


def _compile_template(template: str) -> "re.Pattern[str]":
    """Convert a path template to the regular expression that Starlette's router uses for it."""
    text = re.sub(r"\{(\w+)(:path)?\}", lambda match: "(?s:.*)" if match[2] else "[^/]+", template)
    return re.compile(text)


class Rules:
    """A table of rules, looked up by the method and path of a request."""

    def __init__(self, table: Mapping[tuple[str, str], Rule]) -> None:
        self.may_change = any(method != "GET" and rule is not Rule.PARTICIPATE for (method, _), rule in table.items())
        """Whether any route controls something; a relay has none that does."""
        self._exact: dict[str, dict[str, Rule]] = {}
        self._patterns: list[tuple[re.Pattern[str], dict[str, Rule]]] = []
        by_template: dict[str, dict[str, Rule]] = {}
        for (method, template), rule in table.items():
            by_template.setdefault(template, {})[method] = rule
        for template, rules in by_template.items():
            if "{" in template:
                self._patterns.append((_compile_template(template), rules))
            else:
                self._exact[template] = rules

    def of_path(self, path: str) -> Mapping[str, Rule]:
        """Return the rules of a path by method; empty for a path without a route."""
        exact = self._exact.get(path)
        if exact is not None:
            return exact
        for pattern, rules in self._patterns:
            if pattern.fullmatch(path):
                return rules
        return {}

    def of(self, method: str, path: str) -> Rule | None:
        """Return the rule of a request; None means that it is denied."""
        return self.of_path(path).get("GET" if method == "HEAD" else method)


SHOW = Rules(RULES)
"""The rules of a server with a conductor; a relay has its own."""

rule_of = SHOW.of
