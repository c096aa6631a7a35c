"""When rentals are looked at, when they are over, and what is an orphan or the same SMS: values in, values out."""

from datetime import UTC, datetime, timedelta

import pytest

from pollers.providers.contract import ActiveRental, Message
from pollers.rental_adoption import Unsure, find_rental_orphan, told_once
from pollers.rental_schedule import (
    ENDS_EARLY,
    EXTENSION_PROOF,
    end_of,
    has_run_out,
    is_extended,
    is_served,
    next_look,
    unused_hours,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = 24 * HOUR


@pytest.mark.parametrize(
    ("age", "pause_s"),
    [(timedelta(0), 5), (timedelta(minutes=10), 15), (HOUR, 60), (DAY, 180), (timedelta(weeks=7), 180)],
)
def test_a_young_rental_is_looked_at_often(age: timedelta, pause_s: float) -> None:
    assert next_look(NOW, NOW - age, NOW + DAY) == NOW + timedelta(seconds=pause_s)


def test_the_last_looks_are_shortly_before_the_end_and_at_it() -> None:
    ends_at = NOW + timedelta(seconds=100)
    shortly_before = ends_at - timedelta(seconds=30)
    assert next_look(NOW, NOW - DAY, ends_at) == shortly_before
    assert next_look(shortly_before, NOW - DAY, ends_at) == ends_at
    assert next_look(ends_at, NOW - DAY, ends_at) > ends_at


@pytest.mark.parametrize(
    ("told", "end"),
    [
        (None, NOW + DAY),
        (NOW + DAY + timedelta(minutes=1), NOW + DAY + timedelta(minutes=1)),
        (NOW + DAY + 3 * HOUR, NOW + DAY),  # its clock is in another zone
        (NOW + HOUR, NOW + HOUR),
        (NOW - HOUR, NOW + DAY),
    ],
)
def test_an_end_that_makes_no_sense_is_counted_from_the_hours(told: datetime | None, end: datetime) -> None:
    assert end_of(told, NOW, 24) == end


def test_a_rental_that_runs_is_over_when_what_was_paid_for_has_passed() -> None:
    assert not is_served(NOW + 2 * HOUR, NOW, 24, NOW + HOUR)  # the end it tells is early, but it still runs
    assert is_served(NOW + DAY, NOW, 24, NOW + HOUR)
    assert not is_served(NOW + DAY, NOW, 24, NOW + DAY + HOUR)


def test_what_is_left_counts_by_the_hour_for_the_user() -> None:
    assert [unused_hours(NOW, NOW + left) for left in (-HOUR, timedelta(0), timedelta(seconds=1), HOUR)] == [0, 0, 1, 1]
    assert has_run_out(NOW, NOW + ENDS_EARLY)
    assert not has_run_out(NOW, NOW + ENDS_EARLY + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("since_start", "after_end", "told", "decided"),
    [
        (timedelta(0), -HOUR, None, None),
        (timedelta(0), -HOUR, DAY, None),  # the answer may still come
        (HOUR, -HOUR, 4 * HOUR, True),
        (HOUR, -HOUR, timedelta(0), False),
        (HOUR, timedelta(0), None, None),
        (HOUR, EXTENSION_PROOF, None, True),
    ],
)
def test_an_extension_in_doubt_is_decided_when_it_is_certain(
    since_start: timedelta, after_end: timedelta, told: timedelta | None, decided: bool | None
) -> None:
    old_end = NOW - after_end
    told_end = None if told is None else old_end + told
    assert is_extended(NOW, NOW - since_start, old_end, told_end) is decided


LISTED = [ActiveRental("1", "6281"), ActiveRental("2", "6282", "wa", "6"), ActiveRental("3", "6283", "tg", "6")]


@pytest.mark.parametrize(
    ("unknown", "seen", "is_alone", "found"),
    [
        ({"1"}, (), True, "1"),
        ({"2"}, (), True, "2"),
        ({"3"}, (), True, None),  # another service's
        (set(), (), True, None),
        ({"1"}, ("1",), True, None),  # there before
        ({"1", "2"}, ("1",), True, "2"),
        ({"1"}, (), False, Unsure),
        ({"1"}, None, True, Unsure),
        ({"3"}, None, False, None),
    ],
)
def test_an_orphan_is_adopted_where_it_is_certain(
    unknown: set[str], seen: tuple[str, ...] | None, is_alone: bool, found: object
) -> None:
    orphan = find_rental_orphan(LISTED, unknown=unknown, seen=seen, codes=("wa", "6"), is_alone=is_alone)
    if found is Unsure:
        assert isinstance(orphan, Unsure)
    else:
        assert (orphan.provider_order_id if isinstance(orphan, ActiveRental) else orphan) == found


def test_the_same_sms_has_the_same_id_at_every_look() -> None:
    first, again = Message("", "hello", NOW), Message("", "hello", NOW + HOUR)
    untimed = Message("1", "")
    early, late = told_once([first, untimed]), told_once([first, untimed, untimed, again])
    assert late[:2] == early
    assert len({sms["id"] for sms in late}) == 4
    assert late[2]["text"] == "1"
