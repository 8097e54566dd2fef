"""Finds the chapters of a deck again in the edited one: by `id`, by title, by their text, or by their place."""

from collections.abc import Callable, Collection, Hashable, Sequence

from demo.showfile.show import ShowChapter

Key = Callable[[ShowChapter], Hashable | None]


def find_places(before: Sequence[ShowChapter], now: Sequence[ShowChapter]) -> tuple[int, ...]:
    """Return for each chapter of the deck before its number (1-based) in the edited deck, 0 for one that is gone."""
    found: dict[int, int] = {}
    for key in (_id_of, _title_of, _text_of):
        _match(before, now, key, found)
    _match_by_place(before, now, found)
    return tuple(found.get(number, 0) for number in range(1, len(before) + 1))


def _id_of(chapter: ShowChapter) -> Hashable | None:
    return chapter.settings.id


def _title_of(chapter: ShowChapter) -> Hashable | None:
    return chapter.title


def _text_of(chapter: ShowChapter) -> Hashable | None:
    """Return what tells a chapter that has got another title: its text, if it has some."""
    return chapter.pages if any(page.strip() for page in chapter.pages) else None


def _match(before: Sequence[ShowChapter], now: Sequence[ShowChapter], key: Key, found: dict[int, int]) -> None:
    """Match by a key what is left; of several with the same one the first with the first, and so on."""
    free: dict[Hashable, list[int]] = {}
    for number in _others(now, found.values()):
        free.setdefault(key(now[number - 1]), []).append(number)
    for number in _others(before, found):
        own = key(before[number - 1])
        if own is not None and free.get(own):
            found[number] = free[own].pop(0)


def _match_by_place(before: Sequence[ShowChapter], now: Sequence[ShowChapter], found: dict[int, int]) -> None:
    """Match what is left with the chapter that stands behind the same one now."""
    free = set(_others(now, found.values()))
    place = 0
    for number in range(1, len(before) + 1):
        place = found.get(number, place)
        if number not in found and place + 1 in free:
            place = found[number] = place + 1
            free.remove(place)


def _others(chapters: Sequence[ShowChapter], taken: Collection[int]) -> list[int]:
    """Return the numbers of the chapters that are not taken."""
    numbers = set(taken)
    return [number for number in range(1, len(chapters) + 1) if number not in numbers]
