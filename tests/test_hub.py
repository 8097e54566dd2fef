"""The hub: whole view first, then changed regions, once rendered; who cannot take more catches up."""

from collections.abc import Mapping

import pytest

from demo.hub import BEAT_AFTER_SEC, Hub, Listener

State = dict[str, str]


class Plain:
    """A view whose regions are the state's items; counts its work."""

    def __init__(self) -> None:
        self.rendered = 0
        self.framed = 0

    def render(self, state: State) -> Mapping[str, bytes]:
        self.rendered += 1
        return {name: value.encode() for name, value in state.items()}

    def frame(self, regions: Mapping[str, bytes], ident: str) -> bytes:
        self.framed += 1
        return ident.encode() + b"|" + b",".join(name.encode() + b"=" + body for name, body in regions.items())


class Box:
    def __init__(self, room: int = 100) -> None:
        self.got: list[bytes] = []
        self.room = room
        self.closed = False
        self.hub: Hub[State]
        self.listener: Listener

    def write(self, message: bytes) -> int:
        if len(self.got) >= self.room:
            raise BlockingIOError
        self.got.append(message)
        return len(message)

    def keep(self, rest: bytes) -> None:
        self.hub.miss(self.listener)

    def close(self) -> None:
        self.closed = True


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Fragile(Plain):
    """Cannot show a state with an item `broken`."""

    def render(self, state: State) -> Mapping[str, bytes]:
        if "broken" in state:
            raise RuntimeError(state["broken"])
        return super().render(state)


def hub_with(view: Plain, clock: Clock | None = None) -> Hub[State]:
    return Hub({"stage": view, "other": Plain()}, {"a": "1", "b": "1"}, "e-0", clock or Clock())


def test_the_first_message_is_the_whole_view_then_only_what_changed() -> None:
    hub, box = hub_with(Plain()), Box()
    hub.join("stage", box)
    hub.publish({"a": "2", "b": "1"}, "e-1")
    assert box.got == [b"e-0|a=1,b=1", b"e-1|a=2"]


def test_a_change_is_rendered_and_framed_once_for_every_listener() -> None:
    view = Plain()
    hub, boxes = hub_with(view), [Box() for _ in range(50)]
    for box in boxes:
        hub.join("stage", box)
    view.rendered = view.framed = 0
    hub.publish({"a": "2", "b": "1"}, "e-1")
    assert (view.rendered, view.framed) == (1, 1)
    assert len({id(box.got[-1]) for box in boxes}) == 1, "the very same bytes"


def test_the_same_bytes_as_before_are_not_sent() -> None:
    hub, box = hub_with(Plain()), Box()
    hub.join("stage", box)
    hub.publish({"a": "1", "b": "1"}, "e-1")
    assert len(box.got) == 1


def test_a_view_nobody_watches_is_not_rendered() -> None:
    view = Plain()
    hub = hub_with(view)
    hub.publish({"a": "2", "b": "1"}, "e-1")
    assert view.rendered == 0


def test_a_late_listener_gets_the_newest_whole_view() -> None:
    hub, early, late = hub_with(Plain()), Box(), Box()
    hub.join("stage", early)
    hub.publish({"a": "2", "b": "1"}, "e-1")
    hub.join("stage", late)
    hub.publish({"a": "2", "b": "2"}, "e-2")
    assert late.got == [b"e-1|a=2,b=1", b"e-2|b=2"]


def test_who_comes_to_an_empty_room_sees_the_newest_state() -> None:
    hub, first, second = hub_with(Plain()), Box(), Box()
    hub.leave(hub.join("stage", first))
    hub.publish({"a": "9", "b": "9"}, "e-5")
    hub.join("stage", second)
    assert second.got == [b"e-5|a=9,b=9"]


def test_who_cannot_take_more_is_skipped_and_then_gets_the_newest_whole_view() -> None:
    hub, slow, quick = hub_with(Plain()), Box(room=1), Box()
    listener = hub.join("stage", slow)
    slow.hub, slow.listener = hub, listener
    hub.join("stage", quick)
    for number in range(2, 6):
        hub.publish({"a": str(number), "b": "1"}, f"e-{number}")
    assert listener.behind
    assert len(quick.got) == 5
    slow.room = 100
    hub.catch_up(listener)
    assert slow.got == [b"e-0|a=1,b=1", b"e-5|a=5,b=1"]
    hub.publish({"a": "5", "b": "2"}, "e-6")
    assert slow.got[-1] == b"e-6|b=2"


def test_a_silent_view_gets_a_beat_and_a_busy_one_does_not() -> None:
    clock = Clock()
    hub, box = hub_with(Plain(), clock), Box()
    hub.join("stage", box)
    hub.publish({"a": "2", "b": "1"}, "e-1")
    clock.now += BEAT_AFTER_SEC / 2
    hub.beat(b"beat")
    assert b"beat" not in box.got
    clock.now += BEAT_AFTER_SEC
    hub.beat(b"beat")
    assert box.got[-1] == b"beat"


def test_closing_ends_every_stream_and_leaving_twice_does_no_harm() -> None:
    hub, box = hub_with(Plain()), Box()
    listener: Listener = hub.join("stage", box)
    assert hub.counts() == {"stage": 1, "other": 0}
    hub.close()
    assert box.closed
    hub.leave(listener)
    hub.leave(listener)
    assert hub.counts() == {"stage": 0, "other": 0}


def test_a_view_that_cannot_be_rendered_keeps_its_picture_and_costs_the_others_nothing() -> None:
    told: list[tuple[str, str]] = []
    views = {"stage": Fragile(), "other": Plain()}
    hub = Hub(views, {"a": "1"}, "e-0", Clock(), on_error=lambda view, error: told.append((view, str(error))))
    stage, other = Box(), Box()
    hub.join("stage", stage)
    hub.join("other", other)
    hub.publish({"a": "2", "broken": "oh"}, "e-1")
    assert told == [("stage", "oh")]
    assert stage.got == [b"e-0|a=1"]
    assert other.got[-1] == b"e-1|a=2,broken=oh"
    hub.publish({"a": "3"}, "e-2")
    assert stage.got[-1] == b"e-2|a=3"


def test_who_joins_a_view_that_cannot_be_rendered_gets_the_whole_view_as_soon_as_it_can() -> None:
    told: list[str] = []
    hub = Hub({"stage": Fragile()}, {"a": "1", "b": "1"}, "e-0", Clock(), on_error=lambda view, _: told.append(view))
    hub.leave(hub.join("stage", Box()))
    hub.publish({"a": "2", "b": "1", "broken": "oh"}, "e-1")
    box = Box()
    listener = hub.join("stage", box)
    hub.catch_up(listener)
    assert (told, box.got) == (["stage"], [])
    hub.publish({"a": "2", "b": "1"}, "e-2")
    assert box.got == [b"e-2|a=2,b=1"]


def test_without_anyone_to_tell_an_error_is_raised() -> None:
    hub = Hub({"stage": Fragile()}, {"a": "1"}, "e-0", Clock())
    hub.join("stage", Box())
    with pytest.raises(RuntimeError, match="oh"):
        hub.publish({"broken": "oh"}, "e-1")
