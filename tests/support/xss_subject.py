"""A show in which every text that can reach a page is an attack: deck, faults, health, errors. For `demo serve`."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from demo.errors import FaultError
from demo.types import ChaosConfig, ChaosType, Chapter, Plan, Stage

ELEMENT = "x-evil"
CALL = "alert(document.domain)"
ATTACKS = (
    f"<script>{CALL}</script><{ELEMENT}>",
    f"<img src=//evil.test/x onerror={CALL}>",
    f"\"><svg/onload={CALL}>'><{ELEMENT}>",
    f"</hx-partial><hx-partial hx-target=body hx-swap=innerHTML><{ELEMENT}>",
    f"x\n\nevent: beat\ndata: <{ELEMENT}>\r\rdata: y\x00\u2028\u2029\x85",
    f"[a](javascript:{CALL}) ![b](//evil.test/y) <javascript:{CALL}> <//evil.test>",
    f"[link=javascript:{CALL}]a[/link] [bold onmouseover={CALL}]b[/]",
    "{{ 7*7 }} {% raw %} ${7*7} #{7*7} <%= 7*7 %> &#60;x-evil&#62;",
    f"<a href=javascript:{CALL} hx-post=/halt hx-trigger=load hx-on:load={CALL} sse-connect=//evil.test>c</a>",
    f"</style><style>@import '//evil.test/z'</style></textarea></title><{ELEMENT}>",
    f"<!--><iframe srcdoc='<{ELEMENT}>'></iframe><base href=//evil.test><meta http-equiv=refresh content=0>",
    f"```\n</code><{ELEMENT}>\n```\n\x1b]0;evil\x07\x9b31m\ud800",
)
ALL = "\n\n".join(ATTACKS)


class Fault:
    """Named, described, aimed and failing in hostile words."""

    def __init__(self, number: int, text: str) -> None:
        name = "".join(sign for sign in f"{number} {text}" if sign.isprintable() and sign != "/")
        self.config = ChaosConfig(name, ChaosType.CONTAINER_KILL, text, 60.0)
        self.target = text
        self.observable = text
        self._text, self._fails = text, number % 2 == 1

    async def plan(self) -> Plan:
        return Plan(self._text, self._text, {"text": "x"}, manual=self._text, late_sec=0)

    async def inject(self, plan: Plan) -> None:
        if self._fails:
            raise FaultError(self._text)

    async def heal(self, plan: Plan) -> None:
        pass

    async def is_healed(self, plan: Plan) -> bool:
        return True

    def is_seen(self, health: Any, since: float) -> bool:
        return False


def health(text: str) -> dict[str, Any]:
    node = {"id": text, "name": text, "type": text, "health": "down", "address": text, "detail": text}
    metric = {"name": text, "label": text, "value": 7.0, "unit": text, "role": text}
    counter = {"key": text, "algorithm": text, "limit": 5, "window_sec": 1, "admitted": 9, "drift": 4, "ghosts": 1}
    return {
        "nodes": [
            node | {"metrics": {text: text, "b": 1.0}, "links": [text]},
            node | {"id": f"2{text}", "health": text},
        ],
        "metrics": [metric],
        "counters": [counter],
        "last_updated": datetime.now(UTC),
        "interval_sec": 0.3,
        text: text,
    }


class Poller:
    """Another attack at each look."""

    def __init__(self) -> None:
        self._newest: dict[str, Any] | None = None
        self._ended = asyncio.Event()

    async def run(self) -> None:
        number = 0
        while not self._ended.is_set():
            self._newest = health(ATTACKS[number % len(ATTACKS)])
            number += 1
            await asyncio.sleep(0.3)

    def get_health(self) -> dict[str, Any] | None:
        return self._newest

    def stop(self) -> None:
        self._ended.set()


class XssSubject:
    """As `demo serve tests.support.xss_subject:XssSubject`."""

    name = "hostile"
    title = ATTACKS[0]
    description = ATTACKS[1]

    def __init__(self) -> None:
        self.poller = Poller()
        self.faults = [Fault(number, text) for number, text in enumerate(ATTACKS[:6])]

    def chapters(self, stage: Stage) -> Sequence[Chapter]:
        async def fail() -> None:
            await stage.say(ATTACKS[0])
            await stage.conclude(False, ATTACKS[1])
            raise RuntimeError(ALL)

        more = [
            Chapter(text, text, notes=text, hypothesis=text, key_hint=text, on_enter=fail if number % 2 else None)
            for number, text in enumerate(ATTACKS)
        ]
        return [Chapter(ALL, ALL, notes=ALL, hypothesis=ALL), *more]

    def check(self) -> None:
        pass

    async def start(self) -> None:
        pass

    async def heal(self) -> None:
        pass

    async def stop(self) -> None:
        pass
