"""The book: what was confirmed and is missing, what is there twice, what changed its order, and what nobody knows."""

import random
import sys
from collections import Counter

import pytest

from demo.load.book.book import BLOCK, Book
from demo.load.book.marks import AMBIGUOUS, CONFIRMED, REFUSED, Anomalies


def written(count: int, outcome: int = CONFIRMED) -> Book:
    book = Book()
    for _ in range(count):
        book.settle(book.begin(), outcome)
    return book


def read(book: Book, numbers: list[int]) -> Anomalies:
    """Read everything: these numbers are there."""
    book.take(book.ask(1, max(book.written, 1)), numbers)
    return book.counts().wrong


def test_what_was_confirmed_and_is_missing_is_lost_until_it_is_found() -> None:
    book = written(10)
    assert book.counts().wrong == Anomalies()  # nobody has looked yet
    assert read(book, [1, 2, 3, 4, 5, 6, 9, 10]) == Anomalies(lost=2)
    assert read(book, list(range(1, 11))) == Anomalies()
    assert read(book, []) == Anomalies(lost=10)
    assert (book.counts().written, book.counts().confirmed) == (10, 10)


def test_what_was_confirmed_only_after_it_was_asked_for_is_not_missed() -> None:
    book = written(3)
    late = book.begin()
    asked = book.ask(1, book.written)
    book.settle(late, CONFIRMED)
    later = book.begin()
    book.settle(later, CONFIRMED)
    book.take(asked, [1, 2, 3])
    assert book.counts().wrong == Anomalies()
    assert read(book, [1, 2, 3, later]) == Anomalies(lost=1)


def test_what_is_there_twice_is_duplicate_and_not_out_of_order() -> None:
    assert read(written(5), [1, 2, 3, 2, 4, 5, 2]) == Anomalies(duplicate=1)


def test_a_write_without_an_answer_is_ambiguous_and_may_have_landed() -> None:
    book = written(2)
    for outcome in (AMBIGUOUS, AMBIGUOUS, REFUSED, REFUSED):
        book.settle(book.begin(), outcome)
    assert read(book, [1, 2]) == Anomalies()
    assert read(book, [1, 2, 3, 6]) == Anomalies(landed=2)
    assert (book.counts().ambiguous, book.counts().refused) == (2, 2)
    assert book.counts().wrong.is_none


def test_only_what_was_confirmed_before_another_began_can_be_out_of_order() -> None:
    assert read(written(6), [1, 2, 4, 5, 6, 3]) == Anomalies(out_of_order=1)
    book = Book()
    at_once = [book.begin() for _ in range(6)]
    for number in at_once:
        book.settle(number, CONFIRMED)
    assert read(book, [6, 5, 4, 3, 2, 1]) == Anomalies()


def test_a_fault_counts_only_what_goes_wrong_from_then_on() -> None:
    book = written(10)
    assert read(book, [1, 2, 3, 3, 5, 6, 7, 8, 9, 10]) == Anomalies(lost=1, duplicate=1)
    book.begin_fault()
    assert book.counts().wrong == Anomalies()
    assert book.counts().wrong_before == Anomalies(lost=1, duplicate=1)
    assert read(book, [1, 2, 3, 3, 5, 6, 7, 8, 9]) == Anomalies(lost=1)
    assert book.counts().confirmed == 10


def test_numbers_that_nobody_wrote_are_ignored() -> None:
    assert read(written(3), [0, -1, 1, 2, 3, 999_999]) == Anomalies()


def test_writes_that_are_all_well_take_next_to_no_memory_and_can_still_get_lost() -> None:
    book = Book()
    per_block = list(range(1, BLOCK + 1))
    for block in range(100):
        for _ in per_block:
            book.settle(book.begin(), CONFIRMED)
        first = block * BLOCK + 1
        book.take(book.ask(first, book.written), [number + block * BLOCK for number in per_block])
    assert book.written == 100_000
    assert book.newest_blocks(8) == (99_001, 100_000)
    kept = {id(block.marks): sys.getsizeof(block.marks) for block in book._blocks}
    assert sum(kept.values()) < 3 * BLOCK
    # What is lost later is found all the same.
    book.take(book.ask(1, BLOCK), per_block[:-7])
    assert book.counts().wrong == Anomalies(lost=7)


@pytest.mark.parametrize("seed", range(5))
def test_it_counts_as_a_plain_list_would(seed: int) -> None:
    chance = random.Random(seed)
    book, outcomes = Book(), {}
    for _ in range(2500):
        number = book.begin()
        outcomes[number] = chance.choice((CONFIRMED, CONFIRMED, CONFIRMED, AMBIGUOUS, REFUSED))
        book.settle(number, outcomes[number])
    for _ in range(3):
        there = [number for number in outcomes for _ in range(chance.choice((0, 1, 1, 1, 2)))]
        found = read(book, there)
        confirmed = [number for number, outcome in outcomes.items() if outcome == CONFIRMED]
        assert found.lost == sum(number not in set(there) for number in confirmed)
        assert found.duplicate == sum(times > 1 for times in Counter(there).values())
        assert found.landed == len(set(there) - set(confirmed))
        assert found.out_of_order == 0
