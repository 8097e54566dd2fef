"""Who may call what: every route of the application has a rule here, and what has none is denied."""

import re
from collections.abc import Mapping
from enum import Enum


class Rule(Enum):
    """What a route asks of whoever calls it."""

    PUBLIC = "anyone may read"
    PAGE = "a page of the presenter's: others are sent to the pairing"
    PRIVATE = "only the presenter may read"
    CONTROL = "only the presenter may do"
    PAIRING = "anyone may try, from a page of this server; slowed down"


_PUBLIC = ("/", "/pair", "/state", "/healthz", "/openapi.json", "/favicon.ico", "/static/{path:path}")
_PUBLIC_STREAM = "/stream/stage"
_PAGES = ("/presenter", "/remote")
_PRIVATE = ("/events", "/metrics", "/sessions", "/pairing", "/stream/{view}")
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
    "/timer/start",
    "/timer/pause",
    "/timer/reset",
    "/sessions/revoke-all",
    "/sessions/{ident}/revoke",
)

RULES: Mapping[tuple[str, str], Rule] = {
    **{("GET", path): Rule.PUBLIC for path in (*_PUBLIC, _PUBLIC_STREAM)},
    **{("GET", path): Rule.PAGE for path in _PAGES},
    **{("GET", path): Rule.PRIVATE for path in _PRIVATE},
    **{("POST", path): Rule.CONTROL for path in _CONTROL},
    ("POST", "/pair"): Rule.PAIRING,
}
"""By method and path, as the application's routes write it. HEAD counts as GET."""

STREAMS = ("/events", "/stream/")
"""What stays open: a page of another site may not even ask for it."""


def _pattern(template: str) -> "re.Pattern[str]":
    """The paths of a template, as Starlette reads it."""
    text = re.sub(r"\{(\w+)(:path)?\}", lambda found: "(?s:.*)" if found[2] else "[^/]+", template)
    return re.compile(text)


class Rules:
    """A table of rules as requests meet it."""

    def __init__(self, table: Mapping[tuple[str, str], Rule]) -> None:
        self.may_change = any(method != "GET" for method, _ in table)
        """Is there anything to do here besides reading?"""
        self._exact: dict[str, dict[str, Rule]] = {}
        self._patterns: list[tuple[re.Pattern[str], dict[str, Rule]]] = []
        by_template: dict[str, dict[str, Rule]] = {}
        for (method, template), rule in table.items():
            by_template.setdefault(template, {})[method] = rule
        for template, rules in by_template.items():
            if "{" in template:
                self._patterns.append((_pattern(template), rules))
            else:
                self._exact[template] = rules

    def of_path(self, path: str) -> Mapping[str, Rule]:
        """The rules of a path by method; empty for a path that no route has."""
        found = self._exact.get(path)
        if found is not None:
            return found
        for pattern, rules in self._patterns:
            if pattern.fullmatch(path):
                return rules
        return {}

    def of(self, method: str, path: str) -> Rule | None:
        """The rule of a request; None: denied."""
        return self.of_path(path).get("GET" if method == "HEAD" else method)


SHOW = Rules(RULES)
"""Of the server that a conductor is behind."""

rule_of = SHOW.of
