"""HeroSMS's own forms, each with what it means to us; and a list that moves while it is read."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollers.providers.answer import Answer
from pollers.providers.contract import (
    AccountProblem,
    ActiveOrder,
    AlreadyDelivered,
    Delivered,
    Ended,
    Extended,
    Message,
    NoNumbers,
    OutcomeUnknown,
    PriceTooLow,
    ProviderError,
    Refused,
    Rented,
    TooEarly,
    Unavailable,
    UnknownAnswer,
    UnknownOrder,
    Waiting,
)
from pollers.providers.herosms.protocol import (
    PAGE_ROWS,
    ActivePage,
    ActivePages,
    parse_active_page,
    parse_all_sms,
    parse_prolonged,
)
from pollers.providers.sms_activate.protocol import parse_cancel, parse_purchase, parse_status

SMS = {
    "id": 7,
    "phoneFrom": "WhatsApp",
    "code": "55",
    "text": "c 55",
    "service": "wa",
    "date": "2026-06-01T17:30:57+00:00",
    "type": "sms",
}
READ = Message("55", "c 55", datetime(2026, 6, 1, 17, 30, 57, tzinfo=UTC))
ROW = {"activationId": 1, "phoneNumber": "62812345678", "serviceCode": "wa", "countryCode": 6}


def said(status: int, title: str, **info: object) -> Answer:
    return Answer(status, json.dumps({"title": title, "details": "…", "info": info or None}))


def ok(body: object) -> Answer:
    return Answer(200, body if isinstance(body, str) else json.dumps(body))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (said(401, "BAD_KEY"), AccountProblem),
        (said(402, "NO_BALANCE"), AccountProblem),
        (said(403, "ACCOUNT_INACTIVE"), AccountProblem),
        (said(403, "SERVICE_NOT_AVAILABLE"), NoNumbers),
        (said(403, "CHANNELS_LIMIT", current_threads=9, max_allowed=9), Unavailable),
        (said(404, "BAD_ACTION"), Refused),
        (said(404, "NOT_FOUND"), UnknownOrder),
        (said(400, "BAD_STATUS"), Refused),
        (said(422, "UNPROCESSABLE_ENTITY", field="service", code="INVALID", message="…"), Refused),
        (said(429, "RATE_LIMIT"), Unavailable),
        (ok("NO_NUMBERS"), NoNumbers),
        (ok("UNPROCESSABLE_ENTITY:service:INVALID"), Refused),
        (said(500, "SERVER_ERROR"), OutcomeUnknown),
    ],
)
def test_purchase_is_refused_by_an_envelope(answer: Answer, kind: type[ProviderError]) -> None:
    with pytest.raises(kind) as raised:
        parse_purchase(answer)
    assert type(raised.value) is kind


def test_envelope_brings_its_figures() -> None:
    with pytest.raises(PriceTooLow) as too_low:
        parse_purchase(said(400, "WRONG_MAX_PRICE", min=0.65))
    assert too_low.value.minimum == Decimal("0.65")
    until = "2026-06-01T12:00:00+03:00"
    with pytest.raises(AccountProblem) as banned:
        parse_purchase(said(403, "BANNED", scope="account", banned_until=until, retry_after_seconds=60))
    assert banned.value.banned_until == datetime(2026, 6, 1, 9, tzinfo=UTC)


def test_cancel_is_refused_by_an_envelope() -> None:
    assert parse_cancel(said(409, "EARLY_CANCEL_DENIED", minActivationTime=120)) == TooEarly()
    assert parse_cancel(said(409, "OTP_RECEIVED")) == AlreadyDelivered()
    assert parse_cancel(said(409, "NEW_OTP_RECEIVED")) == AlreadyDelivered()


@pytest.mark.parametrize("data", [None, {}, [], {**SMS, "code": None, "text": None}])
def test_status_without_sms_waits_in_whatever_form(data: object) -> None:
    assert parse_status(ok({"verificationType": "sms", "data": data})) == Waiting()


def test_sms_are_read_one_or_many() -> None:
    assert parse_status(ok({"verificationType": "sms", "data": SMS})) == Delivered((READ,))
    earlier = {**SMS, "code": None, "date": "2026-06-01T17:00:00+00:00"}
    read = parse_all_sms(ok({"data": [SMS, earlier]}))
    assert isinstance(read, Rented)
    assert [message.code for message in read.messages] == ["", "55"]
    assert parse_all_sms(ok({"data": []})) == Rented(())
    assert parse_all_sms(said(409, "ACTIVATION_NOT_ACTIVE")) == Ended()
    with pytest.raises(UnknownOrder):
        parse_all_sms(said(404, "NOT_FOUND"))
    for body in ("", "{}", '{"data":null}', '{"data":{}}'):
        with pytest.raises(UnknownAnswer):
            parse_all_sms(ok(body))


def test_extension_tells_the_new_end_or_is_in_doubt() -> None:
    end = {"activationId": 1, "activationEndTime": "2026-06-02T00:00:00+00:00"}
    assert parse_prolonged(ok(end)) == Extended(datetime(2026, 6, 2, tzinfo=UTC))
    assert parse_prolonged(ok({"activationId": 1, "activationCost": 2.6})) == Extended(None, Decimal("2.6"))
    with pytest.raises(OutcomeUnknown):
        parse_prolonged(ok("{}"))
    with pytest.raises(Refused):
        parse_prolonged(said(409, "ACTIVATION_NOT_ACTIVE"))


def listed(rows: list[dict[str, Any]], num_rows: object) -> Answer:
    return ok({"status": "success", "data": rows, "activeActivations": {"num_rows": num_rows, "rows": []}})


def test_page_is_read_whole_or_not() -> None:
    page = parse_active_page(listed([ROW], 5))
    assert (page.num_rows, [order.provider_order_id for order in page.orders]) == (5, ["1"])
    assert parse_active_page(ok("NO_ACTIVATIONS")) == ActivePage((), 0)
    for answer in (listed([{**ROW, "phoneNumber": "?"}], 1), listed([ROW], "many"), ok({"data": [ROW]}), ok("{}")):
        with pytest.raises(UnknownAnswer):
            parse_active_page(answer)


# --- a list that moves


def order(number: int) -> ActiveOrder:
    return ActiveOrder(str(number), "62812345678", "wa", "6")


def test_unmoved_list_takes_a_request_for_each_page() -> None:
    rows = [order(number) for number in range(250)]
    pages = ActivePages()
    starts = []
    while (start := pages.next_start) is not None:
        starts.append(start)
        pages.add(ActivePage(tuple(rows[start : start + PAGE_ROWS]), len(rows)))
    assert starts == [0, 99, 198]
    assert pages.orders == rows


def read(pages: ActivePages, rows: list[ActiveOrder]) -> list[int]:
    """Read a list that rests from here on; where its pages began."""
    starts = []
    while (start := pages.next_start) is not None:
        starts.append(start)
        pages.add(ActivePage(tuple(rows[start : start + PAGE_ROWS]), len(rows)))
    return starts


def test_order_that_ends_between_pages_is_noticed_and_hides_none() -> None:
    rows = [order(number) for number in range(150)]
    pages = ActivePages()
    pages.add(ActivePage(tuple(rows[:PAGE_ROWS]), len(rows)))
    del rows[3]
    # Without the overlap nothing would look wrong, and order 100 would be missing.
    assert rows[PAGE_ROWS].provider_order_id == "101"
    assert read(pages, rows) == [99, 49, 139]
    assert {row.provider_order_id for row in pages.orders} >= {row.provider_order_id for row in rows}


def test_orders_that_come_before_the_others_cost_nothing() -> None:
    rows = [order(number) for number in range(150)]
    pages = ActivePages()
    pages.add(ActivePage(tuple(rows[:PAGE_ROWS]), len(rows)))
    rows[:0] = [order(number) for number in range(200, 220)]
    assert read(pages, rows) == [99]
    assert pages.orders == rows[20:]


def test_list_that_has_shrunk_to_before_its_place_is_found_again() -> None:
    rows = [order(number) for number in range(450)]
    pages = ActivePages()
    for start in (0, 99, 198):
        pages.add(ActivePage(tuple(rows[start : start + PAGE_ROWS]), len(rows)))
    del rows[:300]
    assert read(pages, rows) == [297, 247, 147, 0, 90]
    assert {row.provider_order_id for row in pages.orders} >= {row.provider_order_id for row in rows}


@given(
    seed=st.integers(),
    count=st.integers(0, 450),
    newest_first=st.booleans(),
    counts_all=st.booleans(),
    gives=st.sampled_from([PAGE_ROWS, 30]),
)
def test_list_read_to_its_end_misses_no_order_that_stayed(
    seed: int, count: int, newest_first: bool, counts_all: bool, gives: int
) -> None:
    """counts_all: what num_rows counts, the list or the page. gives: rows of a page, which may be fewer than asked."""
    random = Random(seed)
    rows = [order(number) for number in range(count)]
    stayed = {row.provider_order_id for row in rows}
    next_number = count
    pages = ActivePages()
    counts_all = counts_all or gives < PAGE_ROWS  # pages cut short and counted by themselves tell no end
    for _ in range(400):
        start = pages.next_start
        if start is None:
            break
        page = tuple(rows[start : start + gives])
        pages.add(ActivePage(page, len(rows) if counts_all else len(page)))
        for _ in range(min(len(rows), random.choice([0, 0, 1, 3]))):
            stayed.discard(rows.pop(random.randrange(len(rows))).provider_order_id)
        if random.random() < 0.4:
            rows.insert(0 if newest_first else len(rows), order(next_number))
            next_number += 1
    assert pages.next_start is None
    ids = [row.provider_order_id for row in pages.orders]
    assert stayed <= set(ids)
    assert len(ids) == len(set(ids))


@given(count=st.integers(0, 450), counts_all=st.booleans())
def test_list_that_does_not_move_is_read_at_once(count: int, counts_all: bool) -> None:
    rows = [order(number) for number in range(count)]
    pages = ActivePages()
    while (start := pages.next_start) is not None:
        page = tuple(rows[start : start + PAGE_ROWS])
        pages.add(ActivePage(page, len(rows) if counts_all else len(page)))
    assert pages.orders == rows
