"""The hub: whole view first, then changed regions, once rendered; who cannot take more catches up."""

import zlib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.hub import HEADER, HEARTBEAT_AFTER_SEC, Hub, Listener
from demo.hub.hub import MAX_WAIT_SEC

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

    def write_rest(self, rest: bytes) -> None:
        self.hub.mark_missed(self.listener)

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


def test_who_has_seen_more_elsewhere_is_not_shown_what_was_there_before_the_hall_was_empty() -> None:
    clock = Clock()
    hub, gone, ahead, other = hub_with(Plain(), clock), Box(), Box(), Box()
    hub.leave(hub.join("stage", gone))
    hub.publish({"a": "2", "b": "1"}, "e-1")
    hub.join("stage", ahead, "e-5")
    hub.join("stage", other)
    assert other.got == [b"e-1|a=2,b=1"]
    clock.now += MAX_WAIT_SEC
    hub.heartbeat(b"beat")
    assert ahead.got[0] == b"e-1|a=2,b=1", "the newest that this hub has"


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
    assert listener.needs_full
    assert len(quick.got) == 5
    slow.room = 100
    hub.resume(listener)
    assert slow.got == [b"e-0|a=1,b=1", b"e-5|a=5,b=1"]
    hub.publish({"a": "5", "b": "2"}, "e-6")
    assert slow.got[-1] == b"e-6|b=2"


def test_a_silent_view_gets_a_beat_and_a_busy_one_does_not() -> None:
    clock = Clock()
    hub, box = hub_with(Plain(), clock), Box()
    hub.join("stage", box)
    hub.publish({"a": "2", "b": "1"}, "e-1")
    clock.now += HEARTBEAT_AFTER_SEC / 2
    hub.heartbeat(b"beat")
    assert b"beat" not in box.got
    clock.now += HEARTBEAT_AFTER_SEC
    hub.heartbeat(b"beat")
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
    hub.resume(listener)
    assert (told, box.got) == (["stage"], [])
    hub.publish({"a": "2", "b": "1"}, "e-2")
    assert box.got == [b"e-2|a=2,b=1"]


def test_without_anyone_to_tell_an_error_is_raised() -> None:
    hub = Hub({"stage": Fragile()}, {"a": "1"}, "e-0", Clock())
    hub.join("stage", Box())
    with pytest.raises(RuntimeError, match="oh"):
        hub.publish({"broken": "oh"}, "e-1")


# One compression for all.


class Packed(Box):
    """Reads what it is given as a browser does: bit by bit, one gzip stream."""

    def __init__(self) -> None:
        super().__init__()
        self._inflate = zlib.decompressobj(wbits=31)
        self.text = self._inflate.decompress(HEADER)
        self.size = 0

    def write(self, message: bytes) -> int:
        self.size += len(message)
        self.text += self._inflate.decompress(message)
        return super().write(message)


@given(st.lists(st.integers(0, 9), min_size=5, max_size=60))
def test_packed_listeners_read_what_plain_ones_read_whenever_they_came(moves: list[int]) -> None:
    hub, plain = hub_with(Plain()), Box()
    hub.join("stage", plain)
    packed: list[tuple[Listener, Packed]] = []
    state = {"a": "1", "b": "1"}
    for number, move in enumerate(moves, 1):
        if move < 2:
            box = Packed()
            packed.append((hub.join("stage", box, wants_gzip=True), box))
            assert box.text.startswith(f"e-{number - 1}|".encode() + regions(state)), "the whole view comes first"
        elif move == 2 and packed:
            hub.leave(packed.pop()[0])
        elif move == 3 and packed:
            hub.pause(packed[0][0])
        elif move == 4 and packed:
            missed = packed[0][0].needs_full
            hub.resume(packed[0][0])
            assert not missed or regions(state) in packed[0][1].text
        elif move == 5:
            hub.heartbeat(b"beat" * 10)
        state = {**state, "a" if move % 2 else "b": f"{number} " * (1 + move * 200)}
        hub.publish(state, f"e-{number}")
        for listener, box in packed:
            assert box.text.endswith(plain.got[-1]) or listener.needs_full
    for listener, box in packed:
        hub.resume(listener)
        hub.publish({**state, "a": "the end"}, "e-end")
        assert b"e-end|a=the end" in box.text
        hub.publish(state, "e-end")


def regions(state: State) -> bytes:
    return b",".join(f"{name}={value}".encode() for name, value in state.items())


def test_a_view_that_changes_a_little_costs_a_packed_listener_little() -> None:
    hub, box = hub_with(Plain()), Packed()
    picture = " ".join(f"<i>{number * 7919 % 1000}</i>" for number in range(400))
    hub.publish({"a": picture, "b": "1"}, "e-0")
    hub.join("stage", box, wants_gzip=True)
    first = box.size
    for number in range(10):
        hub.publish({"a": f"{picture} {number}", "b": "1"}, f"e-{number}")
    assert box.size - first < 10 * 200 < len(picture)


def test_all_packed_listeners_are_given_the_very_same_bytes() -> None:
    hub, boxes = hub_with(Plain()), [Packed() for _ in range(5)]
    for number, box in enumerate(boxes):
        hub.join("stage", box, wants_gzip=True)
        hub.publish({"a": str(number), "b": "1"}, f"e-{number}")
    assert len({id(box.got[-1]) for box in boxes}) == 1


def test_a_beat_between_two_who_come_is_no_matter() -> None:
    clock = Clock()
    hub, boxes = hub_with(Plain(), clock), [Packed() for _ in range(3)]
    for box in boxes:
        hub.join("stage", box, wants_gzip=True)
        clock.now += HEARTBEAT_AFTER_SEC
        hub.heartbeat(b"a beat of a length of its own")
    hub.publish({"a": "2", "b": "a beat of a length"}, "e-1")
    assert all(box.text.endswith(b"e-1|a=2,b=a beat of a length") for box in boxes)


def test_who_comes_to_an_empty_room_reads_nothing_of_before() -> None:
    hub, box = hub_with(Plain()), Packed()
    early = hub.join("stage", Packed(), wants_gzip=True)
    hub.publish({"a": "old", "b": "1"}, "e-1")
    hub.leave(early)
    hub.publish({"a": "new", "b": "1"}, "e-2")
    hub.join("stage", box, wants_gzip=True)
    assert box.text == b"e-2|a=new,b=1"
