"""The loads of a show: started and stopped by steps, multiplied by faults, shown as cards, and facts of conditions."""

import resource
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo.clock import CLOCK
from demo.conditions import Condition, Facts, NodeFact, Quantity, Value
from demo.errors import FaultError, InvalidValue, SubjectError
from demo.load.book.http import FIRST, LAST, NUMBER, BookRequest, HttpBook
from demo.load.book.postgres import PostgresBook
from demo.load.book.redis import RedisBook
from demo.load.book.run_name import RunName
from demo.load.book.sender import BookSender, BookState
from demo.load.book.store import BookStore
from demo.load.http import HttpSender
from demo.load.load import MAX_IN_FLIGHT, Load
from demo.load.measured import MeasuredRequests
from demo.load.postgres import PostgresSender
from demo.load.redis import RedisSender
from demo.load.sender import Sender
from demo.probes.numbers import rounded
from demo.show.health_sample import LOAD
from demo.showfile.books import BOOK, BOOK_PREFIX, add_book, book_fact, book_metrics
from demo.showfile.schema.descriptions import BOOK_FIELDS
from demo.showfile.schema.system import LoadSettings

CARD_SEC = 2.0
"""What a card shows was measured in this time, so that it turns red soon."""

MIN_REQUESTS = 5
"""With fewer in that time, the card shows the last 10 s."""

DEGRADED_SHARE = 0.01
DOWN_SHARE = 0.5
BEHIND_SEC = 0.1
"""A load is said to fall behind when one request in a hundred starts later than this."""

PERCENTILE = "p("


@dataclass
class _Order:
    """What a load is told to send: `rate` of its own, so many times; `concurrency` bounds what is under way."""

    rate: float
    times: float = 1
    concurrency: int | None = None


class ShowLoads:
    """Sends the loads of a show file from `start` to `stop`, in the running loop.

    `fill` puts the values of secrets into a URL; `changed` is called whenever there is something new to know. `show`:
    its name, which what a book writes is called by.
    """

    def __init__(
        self,
        settings: Mapping[str, LoadSettings],
        fill: Callable[[str], str],
        changed: Callable[[], None],
        show: str = "show",
    ) -> None:
        self._settings, self._fill, self._changed, self._show = settings, fill, changed, show
        self._orders = {name: _Order(load.rate if load.start else 0.0) for name, load in settings.items()}
        self._loads: dict[str, Load] = {}
        self._is_started = False
        self._books: dict[str, BookSender] = {}
        self._since: float | None = None

    # Its life.

    def start(self) -> None:
        """Begin to send what is sent from the start of the show. Raises `SubjectError`; safe to call twice."""
        self._is_started = True
        for name, settings in self._settings.items():
            if name in self._loads:
                continue
            try:
                sender = self._sender(name, settings)
            except (FaultError, InvalidValue) as error:
                raise SubjectError(f"load {name}: {error}") from error
            bound = min(MAX_IN_FLIGHT, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
            self._loads[name] = Load(sender, settings.timeout, max_in_flight=bound, measured=self._changed)
            self._apply(name)

    def _sender(self, name: str, settings: LoadSettings) -> Sender:
        if not settings.book:
            return make_sender(name, settings, self._fill)
        store = make_store(RunName.of(self._show, name), settings, self._fill)
        self._books[name] = BookSender(store, self._changed)
        return self._books[name]

    async def stop(self) -> None:
        """Send nothing any more, remove what books have written, and close all connections."""
        self._is_started = False
        loads, self._loads, self._books = self._loads, {}, {}
        for load in loads.values():
            await load.close()

    async def adopt(self, settings: Mapping[str, LoadSettings]) -> None:
        """Send these loads from now on; one with a fault in place goes on as it is. Raises `SubjectError`."""
        multiplied = {name: self._settings[name] for name, order in self._orders.items() if order.times != 1}
        before, self._settings = self._settings, {**settings, **multiplied}
        ended = [name for name, load in before.items() if not _is_sent_alike(load, self._settings.get(name))]
        for name, load in self._settings.items():
            known = before.get(name)
            if known is None or known.start != load.start:
                self._orders[name] = _Order(load.rate if load.start else 0.0)
            elif self._orders[name].rate == known.rate:
                self._orders[name].rate = load.rate
        self._orders = {name: self._orders[name] for name in self._settings}
        closing = [self._loads.pop(name) for name in ended if name in self._loads]
        for name in ended:
            self._books.pop(name, None)
        for gone in closing:
            await gone.close()  # before another one of this name begins: a book removes what it has written
        if self._is_started:
            self.start()
            for name in self._settings:
                self._apply(name)

    # What it is told.

    def set_rate(self, name: str, rate: float | None) -> None:
        """Set the arrivals a second of a load; None for its own rate. Raises `SubjectError`."""
        if name not in self._orders:
            raise SubjectError(f"there is no load {name}")
        self._orders[name].rate = self._settings[name].rate if rate is None else rate
        self._apply(name)

    def multiply(self, load: str, times: float, concurrency: int | None = None) -> None:
        """Send so many times the rate from now on; 1 is the rate itself. Raises `FaultError`."""
        if load not in self._orders:
            raise FaultError(f"there is no load {load}")
        self._orders[load].times = times
        self._orders[load].concurrency = concurrency
        self._apply(load)

    def multiplied(self, load: str) -> float:
        return self._orders[load].times if load in self._orders else 1

    def measure_since(self, moment: float | None) -> None:
        """Measure since this moment of the show's clock, when a fault began; None: there is none.

        A book goes on counting what went wrong since the last fault. When that has ended, all is read again.
        """
        if (moment is None) != (self._since is None):
            for book in self._books.values():
                if moment is None:
                    book.ask()
                else:
                    book.book.begin_fault()
        self._since = moment
        for load in self._loads.values():
            load.measure_since(None if moment is None else CLOCK.to_uptime(moment))

    def _apply(self, name: str) -> None:
        if name in self._loads:
            order = self._orders[name]
            self._loads[name].set_rate(order.rate * order.times, order.concurrency)

    # What is known of them.

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._settings)

    @property
    def with_book(self) -> tuple[str, ...]:
        return tuple(name for name, settings in self._settings.items() if settings.book)

    def ask_books(self, names: Iterable[str]) -> None:
        """Read all again that these loads have written. Until that has succeeded, nothing is known of it."""
        for name in names:
            if name in self._books:
                self._books[name].ask()

    def book(self, name: str) -> BookState | None:
        """Return what is known of the writes of a load; None if it has no book, or does not run."""
        return self._books[name].state() if name in self._books else None

    def value(self, name: str, field: str) -> Value:
        """Return what was measured of a load: since a fault began, or else of the last 10 s. None: nothing was."""
        if (of_book := field.removeprefix(BOOK_PREFIX)) in BOOK_FIELDS:
            state = self.book(name)
            return None if state is None else book_fact(state, of_book)
        load = self._loads.get(name)
        return None if load is None else fact_of(load.measured(), field)

    def sample(self, links: Mapping[str, Sequence[str]]) -> Mapping[str, Any]:
        """Return cards and curves for a health sample. `links`: name → the ids that it leads to.

        The curves of what was answered come first, so that several loads are seen side by side.
        """
        nodes: list[Mapping[str, Any]] = []
        metrics: list[Mapping[str, Any]] = []
        others: list[Mapping[str, Any]] = []
        for name, load in self._loads.items():
            measured, seconds = _of_card(load)
            share = measured.error_share
            answered = (measured.count - measured.errors) / seconds
            card = _card(name, load, measured, seconds) | {"links": list(links.get(name, ()))}
            if (state := self.book(name)) is not None:
                card = add_book(card, state)
                others += book_metrics(name, state)
            nodes.append(card)
            metrics.append(_metric(f"{name}.answered", f"{name} answered", rounded(answered), "/s", "load"))
            percent = None if share is None else rounded(share * 100)
            others.append(_metric(f"{name}.rate", f"{name} errors", percent, "%", "errors"))
        return {"nodes": nodes, "metrics": [*metrics, *others]} if nodes else {}


@dataclass(frozen=True)
class LoadFacts:
    """The facts of a show: what its probes say, and what its loads measured."""

    board: Facts
    loads: ShowLoads

    def nodes(self, name: str) -> Sequence[NodeFact] | None:
        return self.board.nodes(name)

    def value(self, path: tuple[str, ...]) -> Value:
        """Return a field of a load (`client.rate`; `rate` where there is one load alone), else what the probes say."""
        for length in range(len(path) - 1, 0, -1):
            if (name := ".".join(path[:length])) in self.loads.names:
                return self.loads.value(name, ".".join(path[length:]))
        if (only := self._only_load(path)) is not None:
            return self.loads.value(only, ".".join(path))
        return self.board.value(path)

    def _only_load(self, path: tuple[str, ...]) -> str | None:
        """Return the load that a field without a name belongs to: the only one there is, or that has a book."""
        is_of_book = path[0] == BOOK or path[0] in BOOK_FIELDS
        names = self.loads.with_book if is_of_book else self.loads.names
        return names[0] if len(names) == 1 and len(path) == 1 + (path[0] == BOOK) else None

    def books_in(self, condition: Condition) -> frozenset[str]:
        """Return the loads whose books a condition asks for."""
        found: set[str] = set()
        for use in condition.names():
            path = use.parts
            names = [name for name in self.loads.with_book if ".".join(path).startswith(f"{name}.")]
            named = max(names, key=len, default="")
            field = ".".join(path).removeprefix(f"{named}.") if named else ".".join(path)
            owner = named or self._only_load(path)
            if owner is not None and owner in self.loads.with_book and field.removeprefix(BOOK_PREFIX) in BOOK_FIELDS:
                found.add(owner)
        return frozenset(found)


def make_sender(name: str, settings: LoadSettings, fill: Callable[[str], str]) -> Sender:
    """Return what sends the requests of a load. Raises `FaultError` for a secret without a value, `InvalidValue`."""
    if settings.http is not None:
        headers = {key: fill(text) for key, text in settings.headers.items()}
        return HttpSender(fill(settings.http), settings.timeout, headers)
    if settings.redis is not None:
        return RedisSender(name, fill(settings.redis), settings.timeout)
    return PostgresSender(name, fill(settings.postgres or ""), settings.timeout)


def make_store(run: RunName, settings: LoadSettings, fill: Callable[[str], str]) -> BookStore:
    """Return where the numbered writes of a load go. Raises as `make_sender` does."""
    if settings.redis is not None:
        return RedisBook(run, fill(settings.redis), settings.timeout)
    if settings.postgres is not None:
        return PostgresBook(run, fill(settings.postgres), settings.timeout)
    request = BookRequest(
        url=_fill_around_numbers(settings.http or "", fill),
        read=_fill_around_numbers(settings.read or "", fill),
        method=settings.method or "POST",
        body=_fill_around_numbers(settings.body or "", fill),
        headers={key: fill(text) for key, text in settings.headers.items()},
    )
    return HttpBook(request, settings.timeout)


def _fill_around_numbers(text: str, fill: Callable[[str], str]) -> str:
    """Fill in secrets, and leave what stands for a number."""
    for name in (NUMBER, FIRST, LAST):
        text = text.replace(name, f"${name}")
    return fill(text)


def fact_of(measured: MeasuredRequests, field: str) -> Value:
    """Return one field as conditions name it; None where no request has ended, or there is no such field."""
    if not measured.count:
        return None
    took = measured.took
    if field.startswith(PERCENTILE):
        return _seconds(took.percentile(float(field.removeprefix(PERCENTILE).rstrip(")"))))
    known: Mapping[str, Value] = {
        "count": Quantity(float(measured.count)),
        "errors": Quantity(float(measured.errors)),
        "rate": Quantity(measured.errors / measured.count, "%"),
        "avg": _seconds(took.mean),
        "med": _seconds(took.percentile(50)),
        "min": _seconds(took.min),
        "max": _seconds(took.max),
    }
    return known.get(field)


def _is_sent_alike(before: LoadSettings, now: LoadSettings | None) -> bool:
    """Return whether a load differs at most in its rate."""
    return now is not None and before == now.model_copy(update={"rate": before.rate, "start": before.start})


def _seconds(number: float | None) -> Value:
    return None if number is None else Quantity(number, "s")


def _of_card(load: Load) -> tuple[MeasuredRequests, float]:
    """Return what the card shows, and the seconds in which it was measured."""
    newest = load.recent(CARD_SEC)
    if newest.count >= MIN_REQUESTS:
        return newest, CARD_SEC
    return load.recent(10.0), 10.0


def _card(name: str, load: Load, measured: MeasuredRequests, seconds: float) -> dict[str, Any]:
    """Return the card of a load. `kind` tells others that it is not part of the system."""
    return {
        "id": name,
        "name": name,
        "type": "load",
        "kind": LOAD,
        "health": _health(load, measured),
        "detail": _detail(load, measured),
        "metrics": _numbers(measured, seconds),
    }


def _numbers(measured: MeasuredRequests, seconds: float) -> dict[str, float | None]:
    share, slow = measured.error_share, measured.took.percentile(95)
    if share is None or slow is None:
        return {}
    return {
        "/s": rounded((measured.count - measured.errors) / seconds),
        "ms p95": rounded(slow * 1000),
        "% errors": rounded(share * 100),
    }


def _health(load: Load, measured: MeasuredRequests) -> str:
    share = measured.error_share
    if share is None or not load.rate:
        return "unknown"
    return "down" if share >= DOWN_SHARE else "degraded" if share >= DEGRADED_SHARE else "up"


def _detail(load: Load, measured: MeasuredRequests) -> str:
    """Return what people must know besides the numbers."""
    if not load.rate:
        return "stopped"
    due = measured.missed + measured.count
    late = measured.late.percentile(99)
    behind = ""
    if measured.missed:
        behind = f"falling behind: {measured.missed} of {due} requests not sent"
    elif late is not None and late > BEHIND_SEC:
        behind = f"falling behind: requests start up to {late * 1000:.0f} ms late"
    trouble = load.last_trouble if measured.errors else ""
    return " · ".join(part for part in (behind, trouble) if part)


def _metric(name: str, label: str, value: float | None, unit: str, role: str) -> dict[str, Any]:
    return {"name": name, "label": label, "value": value, "unit": unit, "role": role}
