"""When to look, when to ask again, when it is over: arithmetic on times, tried with any times."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollers.schedule import (
    BULK_S,
    ENDS_EARLY_S,
    FINAL_LOOK_S,
    LIFETIME_S_MAX,
    RETRY_S,
    RETRY_S_MAX,
    SLOW_BULK_S,
    WATCHED_BULK_S,
    YOUNG_S,
    bulk_pause_s,
    cancel_allowed_at,
    expiry,
    has_run_out,
    next_look,
    retry_at,
)

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)
LIFETIME_S = 1200.0
times = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - see timezones
ages_s = st.floats(-60, 3 * LIFETIME_S)


def after(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


@given(age_s=ages_s, lifetime_s=st.floats(0, LIFETIME_S))
def test_next_look_is_later_and_never_beyond_an_expiry_to_come(age_s: float, lifetime_s: float) -> None:
    now, expires_at = after(age_s), after(lifetime_s)
    following = next_look(now, T0, expires_at)
    assert now < following <= now + timedelta(seconds=8)
    if now < expires_at:
        assert following <= expires_at


def test_an_order_is_looked_at_often_at_first_and_surely_at_its_end() -> None:
    expires_at, looks = after(LIFETIME_S), [T0]
    while looks[-1] < expires_at:
        looks.append(next_look(looks[-1], T0, expires_at))
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(looks)]
    assert looks[-1] == expires_at
    assert looks[-2] == after(LIFETIME_S - FINAL_LOOK_S)  # the provider may have ended it by the last one
    assert pauses[:-2] == sorted(pauses[:-2])
    assert pauses[0] == 1
    assert len(looks) < 250


def test_an_order_past_its_expiry_is_not_asked_for_without_a_pause() -> None:
    assert next_look(after(LIFETIME_S), T0, after(LIFETIME_S)) == after(LIFETIME_S + 8)


@given(now=times, retry_after_s=st.none() | st.floats(-1e6, 1e9))
def test_retry_waits_at_least_a_little_and_never_long(now: datetime, retry_after_s: float | None) -> None:
    wait_s = (retry_at(now, retry_after_s) - now).total_seconds()
    assert RETRY_S <= wait_s <= RETRY_S_MAX
    if retry_after_s is not None and RETRY_S <= retry_after_s <= RETRY_S_MAX:
        assert wait_s == pytest.approx(retry_after_s, abs=1e-5)


@pytest.mark.parametrize(
    ("age_s", "retry_after_s", "allowed_s"), [(10, None, 120), (10, 30, 40), (300, None, 301), (300, 0, 300)]
)
def test_cancel_is_allowed_when_the_provider_says_else_after_its_window(
    age_s: float, retry_after_s: float | None, allowed_s: float
) -> None:
    assert cancel_allowed_at(after(age_s), T0, retry_after_s, early_cancel_s=120) == after(allowed_s)


@given(told=st.none() | times, begun_at=times, lifetime_s=st.floats(1, LIFETIME_S))
def test_expiry_is_bounded_whatever_the_provider_tells(
    told: datetime | None, begun_at: datetime, lifetime_s: float
) -> None:
    expires_at = expiry(told, begun_at, lifetime_s)
    assert begun_at < expires_at <= begun_at + timedelta(seconds=LIFETIME_S_MAX)
    assert expires_at in (told, begun_at + timedelta(seconds=lifetime_s))


@pytest.mark.parametrize(
    ("told_s", "expires_s"),
    [
        (2700, 2700),  # HeroSMS's 45 minutes
        (LIFETIME_S_MAX, LIFETIME_S_MAX),
        (1200 + 3 * 3600, LIFETIME_S),  # Moscow's time taken for UTC
        (1200 - 3 * 3600, LIFETIME_S),
        (365 * 86_400, LIFETIME_S),
        (0, LIFETIME_S),
    ],
)
def test_expiry_takes_what_is_told_unless_it_is_absurd(told_s: float, expires_s: float) -> None:
    assert expiry(after(told_s), T0, LIFETIME_S) == after(expires_s)


def test_an_order_that_ends_a_little_early_has_run_out() -> None:
    expires_at = after(LIFETIME_S)
    assert has_run_out(after(LIFETIME_S - ENDS_EARLY_S), expires_at)
    assert not has_run_out(after(LIFETIME_S - ENDS_EARLY_S - 1), expires_at)


@given(age_s=ages_s, lifetime_s=st.floats(0, LIFETIME_S))
def test_a_covered_order_is_looked_at_by_itself_at_its_end_only(age_s: float, lifetime_s: float) -> None:
    now, expires_at = after(age_s), after(lifetime_s)
    following = next_look(now, T0, expires_at, is_covered=True)
    assert following > now
    final = expires_at - timedelta(seconds=FINAL_LOOK_S)
    assert following == (final if now < final else next_look(now, T0, expires_at))


@pytest.mark.parametrize(
    ("orders", "every_s"),
    [
        ([(10, True)], WATCHED_BULK_S),
        ([(600, False), (600, True), (10, True)], WATCHED_BULK_S),
        ([(10, False)], BULK_S),
        ([(600, True)], BULK_S),
        ([(10, False), (600, True)], BULK_S),
        ([(600, False), (YOUNG_S, False)], SLOW_BULK_S),
    ],
)
def test_a_look_at_all_comes_as_often_as_the_most_urgent_order_wants(
    orders: list[tuple[float, bool]], every_s: float
) -> None:
    assert bulk_pause_s(orders, 0) == every_s
    assert bulk_pause_s(orders, 0.5) == every_s - 0.5


@given(took_s=st.floats(0, 1000), orders=st.lists(st.tuples(st.floats(0, 2000), st.booleans()), min_size=1))
def test_looks_take_half_of_the_time_at_most(took_s: float, orders: list[tuple[float, bool]]) -> None:
    pause_s = bulk_pause_s(orders, took_s)
    assert pause_s >= took_s
    assert pause_s + took_s >= WATCHED_BULK_S
