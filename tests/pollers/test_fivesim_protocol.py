"""5sim's texts and forms, each with what it means to us; and that nothing else can come out, whatever comes in."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollers.providers.answer import Answer
from pollers.providers.contract import (
    AccountProblem,
    AlreadyDelivered,
    AlreadyEnded,
    Cancelled,
    Delivered,
    Ended,
    Message,
    NoNumbers,
    OutcomeUnknown,
    Price,
    ProviderError,
    Purchase,
    Refused,
    Rented,
    TooEarly,
    Unavailable,
    UnknownAnswer,
    UnknownOrder,
    Waiting,
)
from pollers.providers.fivesim.lists import (
    ACTIVATION_SPAN,
    OpenOrders,
    Page,
    WantedOrders,
    parse_offer,
    parse_page,
    parse_prices,
)
from pollers.providers.fivesim.protocol import (
    Order,
    Status,
    parse_balance,
    parse_cancel,
    parse_finish,
    parse_inbox,
    parse_order,
    parse_purchase,
    rental_product,
    rental_result,
)
from pollers.providers.fivesim.refusals import ERRORS, SERVER_FAULTS

HTML = "<!doctype html><html><title>502</title><body>Bad gateway</body></html>"
BOUGHT = {
    "id": 11631253,
    "phone": "+79000381454",
    "operator": "beeline",
    "product": "vkontakte",
    "price": 21,
    "status": "PENDING",
    "expires": "2018-10-13T08:28:38.809469028Z",
    "sms": None,
    "created_at": "2018-10-13T08:13:38.809469028Z",
    "forwarding": False,
    "forwarding_number": "",
    "country": "russia",
}
SMS = {
    "created_at": "2018-10-13T08:20:38.809469028Z",
    "date": "2018-10-13T08:20:38Z",
    "sender": "VKcom",
    "text": "VK: 09363",
    "code": "09363",
}
MESSAGE = Message("09363", "VK: 09363", datetime(2018, 10, 13, 8, 20, 38, 809469, tzinfo=UTC))
PARSERS: list[Callable[[Answer], Any]] = [
    parse_balance,
    parse_cancel,
    parse_finish,
    parse_inbox,
    parse_order,
    parse_page,
    parse_prices,
    parse_purchase,
    lambda answer: parse_prices(answer, "telegram"),
    lambda answer: parse_offer(answer, "1day", "russia"),
]


def ok(body: object) -> Answer:
    return Answer(200, body if isinstance(body, str) else json.dumps(body))


def refused(text: str, status: int = 400) -> Answer:
    return Answer(status, text)


# --- refusals


@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        (200, "no free phones", NoNumbers),
        (400, "not enough user balance", AccountProblem),
        (400, "not enough rating", AccountProblem),
        (400, "bad country", Refused),
        (400, "bad operator", Refused),
        (400, "select country", Refused),
        (400, "select operator", Refused),
        (400, "no product", Refused),
        (400, "product is incorrect", Refused),
        (400, "country is incorrect", Refused),
        (400, "order expired", Refused),
        (400, "order has sms", Refused),
        (400, "order no sms", Refused),
        (400, "hosting order", Refused),
        (400, "you need to wait time", Refused),
        (400, "reuse not possible", Refused),
        (400, "reuse false", Refused),
        (400, "reuse expired", Refused),
        (400, "record not found", UnknownOrder),
        (400, "order not found", UnknownOrder),
        (404, "order not found", UnknownOrder),
        (400, "internal error", OutcomeUnknown),
        (500, "server offline", OutcomeUnknown),
        (429, "api limit is 100 requests per second", Unavailable),
        (503, "ip address limit is 100 requests per second", Unavailable),
        (401, "", AccountProblem),
        (403, HTML, AccountProblem),
        (429, "", Unavailable),
        (503, HTML, OutcomeUnknown),
        (302, "", OutcomeUnknown),
        (200, HTML, OutcomeUnknown),
        (200, "", OutcomeUnknown),
        (404, HTML, OutcomeUnknown),
    ],
)
def test_every_text_has_its_meaning(status: int, text: str, error: type[ProviderError]) -> None:
    """For a purchase, where doubt counts; elsewhere a fault is Unavailable and an unknown answer UnknownAnswer."""
    for form in (text, f'"{text}"\n', json.dumps({"message": text})) if text and text != HTML else (text,):
        with pytest.raises(ProviderError) as raised:
            parse_purchase(refused(form, status))
        assert type(raised.value) is error

    harmless = {OutcomeUnknown: Unavailable if status >= 500 or text == "internal error" else UnknownAnswer}
    with pytest.raises(ProviderError) as raised:
        parse_order(refused(text, status))
    assert type(raised.value) is harmless.get(error, error)


def test_table_is_tested_whole() -> None:
    [marks] = test_every_text_has_its_meaning.pytestmark  # type: ignore[attr-defined]
    tested = " | ".join(text for _, text, _ in marks.args[1])
    assert [text for text in ERRORS if text not in tested] == []
    assert ERRORS.keys() >= SERVER_FAULTS


def test_text_is_known_by_its_words_and_not_by_its_letters() -> None:
    with pytest.raises(UnknownAnswer):
        parse_order(refused("no productivity"))
    with pytest.raises(NoNumbers):
        parse_purchase(ok("No Free Phones: try again"))


def test_retry_after_is_passed_on() -> None:
    with pytest.raises(Unavailable) as raised:
        parse_balance(Answer(429, "api limit is 100 requests per second", retry_after_s=7))
    assert raised.value.retry_after_s == 7


# --- orders


@pytest.mark.parametrize(
    ("body", "purchase"),
    [
        (
            BOUGHT,
            Purchase("11631253", "79000381454", Decimal(21), datetime(2018, 10, 13, 8, 28, 38, 809469, tzinfo=UTC)),
        ),
        ({"id": 1, "phone": "+79000381454"}, Purchase("1", "79000381454")),
        ({**BOUGHT, "price": "1e99", "expires": "soon"}, Purchase("11631253", "79000381454")),
        ({"id": "1", "phone": 79000381454, "price": 0.13}, Purchase("1", "79000381454", Decimal("0.13"))),
    ],
)
def test_purchase_is_read(body: object, purchase: Purchase) -> None:
    assert parse_purchase(ok(body)) == purchase


@pytest.mark.parametrize("body", [{}, [], {**BOUGHT, "phone": ""}, {**BOUGHT, "id": None}, "null", "{", "x" * 5000])
def test_purchase_without_number_is_in_doubt(body: object) -> None:
    with pytest.raises(OutcomeUnknown):
        parse_purchase(ok(body))


@pytest.mark.parametrize(
    ("status", "sms", "seen"),
    [
        ("PENDING", None, Waiting()),
        ("RECEIVED", [], Waiting()),
        ("RECEIVED", [SMS], Delivered((MESSAGE,))),
        ("PENDING", [SMS], Delivered((MESSAGE,))),
        ("RECEIVED", [{"text": "no code in it"}], Delivered((Message("", "no code in it"),))),
        ("RECEIVED", [{"code": "09363", "text": ""}], Delivered((Message("09363", ""),))),
        ("RECEIVED", [{"code": "", "text": ""}], Waiting()),
        ("FINISHED", [SMS], Delivered((MESSAGE,))),
        ("FINISHED", [], Ended()),
        ("CANCELED", [], Ended()),
        ("TIMEOUT", [], Ended()),
        ("BANNED", None, Ended()),
    ],
)
def test_only_an_sms_proves_that_one_came(status: str, sms: object, seen: object) -> None:
    assert parse_order(ok({**BOUGHT, "status": status, "sms": sms})).looked_at() == seen


def test_sms_are_told_oldest_first() -> None:
    later = {**SMS, "created_at": "2018-10-13T08:25:00Z", "code": "2", "text": "2"}
    assert [m.code for m in parse_order(ok({**BOUGHT, "sms": [later, SMS]})).messages] == ["09363", "2"]
    undated = {"code": "3", "text": "3"}
    assert [m.code for m in parse_order(ok({**BOUGHT, "sms": [later, SMS, undated]})).messages] == ["2", "09363", "3"]


def test_code_too_long_to_be_one_is_no_code() -> None:
    [message] = parse_order(ok({**BOUGHT, "sms": [{"code": "x" * 500, "text": "hello"}]})).messages
    assert (message.code, message.text) == ("", "hello")
    [message] = parse_order(ok({**BOUGHT, "sms": [{"code": "x" * 500}]})).messages
    assert (message.code, message.text) == ("", "x" * 500)


@pytest.mark.parametrize(
    "change", [{"status": "LOST"}, {"status": []}, {"status": None}, {"id": {}}, {"phone": "x"}, {"country": None}]
)
def test_order_that_cannot_be_read_is_unknown(change: dict[str, object]) -> None:
    with pytest.raises(UnknownAnswer):
        parse_order(ok({**BOUGHT, **change}))
    with pytest.raises(UnknownAnswer):
        parse_page(ok({"Data": [BOUGHT, {**BOUGHT, **change}], "Total": 2}))


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (ok({**BOUGHT, "status": "CANCELED"}), Cancelled()),
        (ok({**BOUGHT, "status": "RECEIVED", "sms": [SMS]}), AlreadyDelivered()),
        (ok({**BOUGHT, "status": "TIMEOUT"}), AlreadyEnded()),
        (refused("order has sms"), AlreadyDelivered()),
        (refused("order expired"), AlreadyEnded()),
        (refused("you need to wait time"), TooEarly()),
    ],
)
def test_cancel_is_read(answer: Answer, result: object) -> None:
    assert parse_cancel(answer) == result


def test_cancel_that_left_the_order_open_is_no_cancel() -> None:
    with pytest.raises(UnknownAnswer):
        parse_cancel(ok(BOUGHT))
    with pytest.raises(UnknownOrder):
        parse_cancel(refused("order not found"))


def test_finish_is_read() -> None:
    parse_finish(ok({**BOUGHT, "status": "FINISHED", "sms": [SMS]}))
    parse_finish(refused("order not found"))
    parse_finish(refused("order expired"))
    with pytest.raises(Refused):
        parse_finish(refused("order no sms"))
    with pytest.raises(UnknownAnswer):
        parse_finish(ok(BOUGHT))


def test_balance_is_read() -> None:
    assert parse_balance(ok({"id": 1, "balance": 100.5, "rating": 96, "frozen_balance": 3})) == Decimal("100.5")
    with pytest.raises(UnknownAnswer):
        parse_balance(ok({"balance": None}))


def test_rental_is_put_together() -> None:
    inbox = parse_inbox(ok({"Data": [{**SMS, "ID": 844928, "is_wave": False, "wave_uuid": ""}], "Total": 1}))
    assert inbox == (MESSAGE,)
    assert parse_inbox(ok({"Data": None, "Total": 0})) == ()
    with pytest.raises(UnknownAnswer):
        parse_inbox(ok({"Total": 2}))
    running = parse_order(ok({**BOUGHT, "product": "1day"}))
    ended = parse_order(ok({**BOUGHT, "product": "1day", "status": "TIMEOUT"}))
    assert rental_result(running, ()) == Rented((), running.expires_at)
    assert rental_result(running, inbox) == Rented(inbox, running.expires_at)
    assert rental_result(ended, inbox) == Rented(inbox, ended.expires_at)
    assert rental_result(ended, ()) == Ended()


def test_only_the_lengths_on_sale_are_rented() -> None:
    assert [rental_product(hours) for hours in (3, 24, 240, 720)] == ["3hours", "1day", "10days", "1month"]
    with pytest.raises(Refused, match="got 4"):
        rental_product(4)


# --- pages of the history

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def order(id_: int, status: Status = Status.FINISHED, *, age: timedelta = timedelta(), sms: bool = False) -> Order:
    messages = (MESSAGE,) if sms else ()
    return Order(str(id_), "79000381454", "vkontakte", "russia", status, None, T0 - age, None, messages)


def test_open_orders_are_read_until_the_history_is_surely_past() -> None:
    orders = OpenOrders(ACTIVATION_SPAN)
    old = ACTIVATION_SPAN + timedelta(minutes=1)
    assert orders.add(Page((order(9), order(8, Status.PENDING)), 1000))
    assert orders.add(Page((order(7), order(6, Status.RECEIVED, age=timedelta(hours=1))), 1000))
    assert orders.add(Page((order(5, age=timedelta(hours=1)), order(4, age=old)), 1000))
    assert not orders.add(Page((order(3, age=old), order(2, age=old)), 1000))
    assert orders.found.keys() == {"8", "6"}
    assert orders.offset == 8


def test_history_of_no_interest_is_left_unread_once_what_is_has_been_seen() -> None:
    since = T0 - timedelta(minutes=5)
    orders = OpenOrders(ACTIVATION_SPAN, since)
    assert orders.add(Page((order(9, Status.PENDING), order(8, age=timedelta(minutes=6))), 1000))
    assert not orders.add(Page((order(7, Status.PENDING, age=timedelta(minutes=6)),), 1000))
    backwards = OpenOrders(ACTIVATION_SPAN, since)
    assert backwards.add(Page((order(1, age=timedelta(minutes=9)),), 2))
    assert not backwards.add(Page((order(2, Status.PENDING),), 2))
    assert backwards.found.keys() == {"2"}


def test_open_orders_in_the_wrong_order_are_read_to_the_end() -> None:
    orders = OpenOrders(ACTIVATION_SPAN)
    days = [timedelta(days=day) for day in (9, 8, 7, 0)]
    assert [orders.add(Page((order(n, age=age),), 4)) for n, age in enumerate(days)] == [True, True, True, False]


def test_page_with_an_open_order_however_old_is_not_the_last() -> None:
    orders = OpenOrders(ACTIVATION_SPAN)
    orders.add(Page((order(9),), 1000))
    assert orders.add(Page((order(8, Status.PENDING, age=timedelta(days=9)),), 1000))


def test_history_shorter_than_its_total_is_an_error() -> None:
    orders = OpenOrders(ACTIVATION_SPAN)
    assert orders.add(Page((order(1, Status.PENDING),), 2))
    with pytest.raises(ValueError, match="expected 2 orders, got 1"):
        orders.add(Page((), 2))


def test_wanted_orders_are_read_as_far_back_as_they_can_be() -> None:
    wanted = WantedOrders({"9", "6", "5"})
    assert wanted.add(Page((order(9, Status.PENDING), order(8)), 1000))
    assert not wanted.add(Page((order(6, sms=True), order(4)), 1000))  # 5 would stand between them
    assert wanted.found == {"9": Waiting(), "6": Delivered((MESSAGE,))}
    ended = WantedOrders({"1"})
    assert not ended.add(Page((order(1, Status.CANCELED),), 1000))
    assert ended.found == {}


def test_page_is_read() -> None:
    page = parse_page(ok({"Data": [BOUGHT], "ProductNames": [], "Statuses": [], "Total": 3}))
    assert (page.total, [row.id for row in page.orders]) == (3, ["11631253"])
    assert parse_page(ok({"Data": None, "Total": 0})) == Page((), 0)
    for body in ({"Data": [BOUGHT]}, {"Total": 1}, {"Data": {}, "Total": 1}, {"Data": [], "Total": -1}):
        with pytest.raises(UnknownAnswer):
            parse_page(ok(body))


# --- prices

CHEAP = {"cost": 5, "count": 10, "rate": 50}


@pytest.mark.parametrize(
    ("operators", "price"),
    [
        ({"beeline": {"cost": 4, "count": 1260, "rate": 99.99}}, (Decimal(4), 1260, 0.9999)),
        ({"a": CHEAP, "b": {"cost": 9, "count": 5, "rate": 90}}, (Decimal(5), 10, 0.5)),
        ({"a": CHEAP, "b": {"cost": 5, "count": 30, "rate": 90}}, (Decimal(5), 40, 0.8)),
        ({"a": CHEAP, "b": {"cost": 5, "count": 30}}, (Decimal(5), 40, 0.5)),
        ({"a": CHEAP, "b": {"cost": 1, "count": 0, "rate": 90}}, (Decimal(5), 10, 0.5)),
        ({"a": {"cost": 5, "count": 0, "rate": 90}}, (Decimal(5), 0, None)),
        ({"a": {"cost": 5, "count": 10, "rate": 0, "rate720": 12}}, (Decimal(5), 10, None)),
        ({"a": {"cost": 5, "count": 10, "rate": 250}}, (Decimal(5), 10, None)),
    ],
)
def test_price_is_the_cheapest_in_stock(operators: object, price: tuple[Decimal, int, float | None]) -> None:
    [by_country] = parse_prices(ok({"russia": {"telegram": operators}}))
    [by_product] = parse_prices(ok({"telegram": {"russia": operators}}), "telegram")
    cost, count, success = price
    expected = Price("telegram", "russia", cost, count, pytest.approx(success) if success else None)
    assert by_country == expected
    assert by_product == expected


def test_prices_without_price_and_of_rentals_are_left_out() -> None:
    odd = {"russia": {"a": {}, "b": [], "c": {"x": {"cost": "y"}}, "1day": {"x": CHEAP}}, "laos": None}
    assert parse_prices(ok(odd)) == []
    with pytest.raises(UnknownAnswer):
        parse_prices(ok([]))


def test_price_of_a_rental_is_found() -> None:
    products = {"1day": {"Category": "hosting", "Qty": 14, "Price": 4}, "telegram": {"Qty": 133, "Price": 21}}
    assert parse_offer(ok(products), "1day", "russia") == Price("1day", "russia", Decimal(4), 14)
    assert parse_offer(ok(products), "3hours", "russia") is None


# --- anything at all

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("9" * 5000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*BOUGHT, *SMS, "Data"]), inner),
    max_leaves=8,
)
bodies = st.one_of(
    st.text(max_size=40),
    st.sampled_from([*ERRORS, HTML, "[" * 5000]),
    json_values.map(json.dumps),
    st.builds(lambda row: json.dumps({"Data": [row], "Total": 1}), json_values),
    st.builds(lambda extra: json.dumps({**BOUGHT, **extra}), st.dictionaries(st.sampled_from([*BOUGHT]), json_values)),
    st.builds(lambda operator: json.dumps({"russia": {"telegram": {"any": operator}}}), json_values),
)


@given(bodies, st.sampled_from([200, 204, 302, 400, 401, 403, 404, 429, 500, 503]))
def test_any_answer_is_a_value_or_an_error_of_the_contract(body: str, status: int) -> None:
    for parse in PARSERS:
        try:
            parse(Answer(status, body))
        except ProviderError:
            continue


@given(bodies)
def test_purchase_is_never_called_unmade_because_it_was_not_understood(body: str) -> None:
    try:
        parse_purchase(ok(body))
    except (OutcomeUnknown, NoNumbers, AccountProblem, Refused, Unavailable, UnknownOrder) as error:
        surely_not_sold = error.reason in ERRORS.keys() - SERVER_FAULTS
        assert surely_not_sold or isinstance(error, OutcomeUnknown)  # noqa: PT017
