"""Which of the provider's orders an order of ours may adopt."""

import inspect
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pollers.adoption import DOUBT_MAX, PURCHASE_WINDOW, doubt_pause, find_orphan
from pollers.providers.contract import ActiveOrder
from pollers.providers.sms_activate import SmsActivate
from pollers.schedule import expiry

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)
active_orders = st.builds(
    ActiveOrder,
    provider_order_id=st.text("123", min_size=1, max_size=3),
    phone=st.just("6281234567890"),
    service=st.sampled_from(["wa", "tg"]),
    country=st.sampled_from(["6", "0"]),
    started_at=st.none() | st.integers(0, 100).map(lambda seconds: T0 + timedelta(seconds=seconds)),
)


def active(id_: str, age_s: float | None, service: str = "wa", country: str = "6") -> ActiveOrder:
    started_at = None if age_s is None else T0 - timedelta(seconds=age_s)
    return ActiveOrder(id_, "6281234567890", service, country, started_at)


@given(orders=st.lists(active_orders), known=st.sets(st.text("123", min_size=1, max_size=3)))
def test_an_orphan_is_nobodys_alike_and_found_if_there_is_one(orders: list[ActiveOrder], known: set[str]) -> None:
    mine = [o for o in orders if o.provider_order_id not in known and o.service == "wa" and o.country == "6"]
    orphan = find_orphan(orders, known, "wa", "6")
    if orphan is None:
        assert mine == []
    else:
        assert orphan in mine
        started = [order.started_at for order in mine if order.started_at is not None]
        assert orphan.started_at == (min(started) if started else None)


def test_the_oldest_is_adopted_and_one_without_a_time_last() -> None:
    orders = [active("3", None), active("1", 5), active("2", 50)]
    assert find_orphan(orders, set(), "wa", "6") == orders[2]
    assert find_orphan(orders, {"2"}, "wa", "6") == orders[1]
    assert find_orphan(orders, {"1", "2"}, "wa", "6") == orders[0]
    assert find_orphan(orders, {"1", "2", "3"}, "wa", "6") is None


def test_other_services_and_countries_are_no_orphans_of_ours() -> None:
    assert find_orphan([active("1", 5, "tg"), active("2", 5, "wa", "0")], set(), "wa", "6") is None


def test_no_answer_to_a_purchase_can_come_after_the_window() -> None:
    timeout_s = inspect.signature(SmsActivate).parameters["timeout_s"].default
    assert timedelta(seconds=timeout_s) <= PURCHASE_WINDOW / 2


def test_a_doubt_is_looked_into_more_and_more_seldom() -> None:
    pauses = [doubt_pause(timedelta(seconds=age_s)).total_seconds() for age_s in (0, 20, 40, 240, 7200)]
    assert pauses == [5, 5, 10, 60, 60]


def test_a_doubt_outlasts_every_number() -> None:
    """A number that is known to be bought is believed to live for no longer (`schedule.expiry`)."""
    begun_at = T0
    assert expiry(begun_at + DOUBT_MAX + timedelta(seconds=1), begun_at, 1200) == begun_at + timedelta(seconds=1200)
    assert expiry(begun_at + DOUBT_MAX, begun_at, 1200) == begun_at + DOUBT_MAX
