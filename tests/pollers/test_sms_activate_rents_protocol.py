"""The strings of the classic dialect's rents, each with what it means to us; pages of SMS, however they are counted."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollers.providers.answer import Answer
from pollers.providers.contract import (
    AccountProblem,
    ActiveRental,
    AlreadyEnded,
    Cancelled,
    Ended,
    Message,
    NoNumbers,
    OutcomeUnknown,
    ProviderError,
    Purchase,
    Refused,
    TooLate,
    Unavailable,
    UnknownAnswer,
    UnknownOrder,
)
from pollers.providers.sms_activate.rent_protocol import (
    RentedMessages,
    RentPage,
    parse_extended,
    parse_extension_cost,
    parse_offer,
    parse_rent_cancel,
    parse_rent_finish,
    parse_rent_page,
    parse_rented,
    parse_rents,
)

T0 = datetime(2020, 1, 30, 14, 31, 58, tzinfo=UTC)
PHONE = {"id": 1049, "endDate": "2020-01-31T12:01:52", "number": "79959707564"}
END = datetime(2020, 1, 31, 12, 1, 52, tzinfo=UTC)
ROW = {"phoneFrom": "79180230628", "text": "1111", "service": "ot", "date": "2020-01-30 14:31:58"}


def ok(body: object) -> Answer:
    return Answer(200, body if isinstance(body, str) else json.dumps(body))


def error(word: str) -> Answer:
    return ok({"status": "error", "message": word})


def test_rented_number_and_its_end_are_read() -> None:
    answer = ok({"status": "success", "phone": PHONE})
    assert parse_rented(answer) == Purchase("1049", "79959707564", None, END)
    assert parse_rented(answer, cost=Decimal(3)).cost == Decimal(3)
    assert parse_extended(answer) == END
    assert parse_extended(ok({"status": "success"})) is None


def test_what_an_extension_would_cost_is_read() -> None:
    assert parse_extension_cost(ok({"status": "success", "price": "6.50", "currency": 840})) == Decimal("6.50")
    assert parse_extension_cost(ok("BAD_ACTION")) is None  # not every dialect has it
    for said in ({"status": "success"}, {"status": "success", "price": "-1"}, {"status": "success", "price": "much"}):
        with pytest.raises(UnknownAnswer):
            parse_extension_cost(ok(said))
    with pytest.raises(Refused):
        parse_extension_cost(error("RENT_DIE"))


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("NO_NUMBERS", NoNumbers),
        ("NO_BALANCE", AccountProblem),
        ("ACCOUNT_INACTIVE", AccountProblem),
        ("BAD_SERVICE", Refused),
        ("CHANNELS_LIMIT", Unavailable),
        ("SERVER_ERROR", OutcomeUnknown),
        ("A_WORD_OF_TOMORROW", OutcomeUnknown),
        ("INVALID_TIME", Refused),
        ("MAX_HOURS_EXCEED", Refused),
        ("INVALID_PHONE", UnknownOrder),
        ("RENT_DIE", Refused),
    ],
)
def test_rent_and_extension_are_refused_by_a_word(word: str, kind: type[ProviderError]) -> None:
    for parse in (parse_rented, parse_extended):
        with pytest.raises(kind) as raised:
            parse(error(word))
        assert type(raised.value) is kind


@pytest.mark.parametrize("body", ["", "{}", '{"status":"success","phone":{"id":1}}', "<html>", '{"phone":[]}'])
def test_rent_that_cannot_be_read_is_in_doubt(body: str) -> None:
    with pytest.raises(OutcomeUnknown):
        parse_rented(ok(body))


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        (error("STATUS_WAIT_CODE"), RentPage(0, ())),
        (error("STATUS_FINISH"), Ended()),
        (error("STATUS_CANCEL"), Ended()),
        (error("STATUS_REVOKE"), Ended()),
        (ok("STATUS_WAIT_CODE"), RentPage(0, ())),
        (ok({"status": "success", "quantity": "1", "values": {"0": ROW}}), RentPage(1, (Message("", "1111", T0),))),
        (ok({"status": "success", "quantity": 1, "values": [ROW]}), RentPage(1, (Message("", "1111", T0),))),
        (ok({"status": "success", "quantity": "0", "values": []}), RentPage(0, ())),
    ],
)
def test_status_of_a_rental_is_its_sms_or_its_end(answer: Answer, read: object) -> None:
    assert parse_rent_page(answer) == read


@pytest.mark.parametrize("body", ["", "{}", '{"quantity":"1"}', '{"quantity":"many","values":{}}', "<html>"])
def test_status_that_is_none_raises(body: str) -> None:
    with pytest.raises(UnknownAnswer):
        parse_rent_page(ok(body))


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (ok({"status": "success"}), Cancelled()),
        (error("CANT_CANCEL"), TooLate()),
        (error("ALREADY_FINISH"), AlreadyEnded()),
        (error("ALREADY_CANCEL"), AlreadyEnded()),
    ],
)
def test_rental_is_cancelled_too_late_or_over(answer: Answer, result: object) -> None:
    assert parse_rent_cancel(answer) == result


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("NO_ID_RENT", UnknownOrder),
        ("INVALID_PHONE", UnknownOrder),
        ("INCORECT_STATUS", Refused),
        ("SERVER_ERROR", Unavailable),
        ("A_WORD_OF_TOMORROW", UnknownAnswer),
    ],
)
def test_change_of_a_rental_is_refused_by_a_word(word: str, kind: type[ProviderError]) -> None:
    for parse in (parse_rent_cancel, parse_rent_finish):
        with pytest.raises(kind):
            parse(error(word))


@pytest.mark.parametrize("answer", [ok({"status": "success"}), error("ALREADY_FINISH"), error("ALREADY_CANCEL")])
def test_finish_takes_a_rental_already_ended(answer: Answer) -> None:
    parse_rent_finish(answer)


def test_rentals_are_listed_whole_or_not() -> None:
    row = {"id": "12345", "phone": "79180230628"}
    assert parse_rents(ok({"status": "success", "values": {"0": row}})) == [ActiveRental("12345", "79180230628")]
    assert parse_rents(error("NO_NUMBERS")) == []
    for values in ({"0": row, "1": {"id": "2"}}, {"0": None}, "none", None):
        with pytest.raises(UnknownAnswer):
            parse_rents(ok({"status": "success", "values": values}))


def test_offer_is_a_price_or_none() -> None:
    body: dict[str, Any] = {"services": {"full": {"cost": 42.93, "quant": 20}, "wa": {"cost": 1, "quant": 0}}}
    assert parse_offer(ok(body), "full") == Decimal("42.93")
    assert parse_offer(ok(body), "wa") is None
    assert parse_offer(ok(body), "tg") is None
    with pytest.raises(NoNumbers):
        parse_offer(error("OUT_OF_STOCK"), "full")
    with pytest.raises(UnknownAnswer):
        parse_offer(ok({}), "full")


def sms(number: int) -> Message:
    return Message("", f"text {number}", T0 + timedelta(seconds=number))


def gathered(told: list[Message], *, size: int, first: int) -> tuple[Message, ...]:
    """Read all pages of a provider that counts them from `first`, and takes a lower number for the first."""
    messages = RentedMessages()
    for page in range(100):
        begin = max(0, page - first) * size
        if messages.add(RentPage(len(told), tuple(told[begin : begin + size]))):
            return messages.oldest_first()
    raise AssertionError("expected an end")


@given(count=st.integers(0, 60), size=st.integers(1, 20), first=st.integers(0, 1), newest_first=st.booleans())
def test_pages_are_put_together_however_they_are_counted(count: int, size: int, first: int, newest_first: bool) -> None:
    told = [sms(number) for number in range(count)]
    assert list(gathered(told[::-1] if newest_first else told, size=size, first=first)) == told


def test_equal_sms_on_one_page_are_two() -> None:
    assert gathered([sms(1), sms(1)], size=10, first=0) == (sms(1), sms(1))


def test_page_that_is_told_over_and_over_is_no_whole_answer() -> None:
    messages = RentedMessages()
    page = RentPage(25, tuple(sms(number) for number in range(10)))
    assert not messages.add(page)
    assert not messages.add(page)
    with pytest.raises(UnknownAnswer):
        messages.add(page)


def test_row_without_text_is_counted_and_not_told() -> None:
    messages = RentedMessages()
    assert messages.add(RentPage(2, (sms(1), Message("", "", T0))))
    assert messages.oldest_first() == (sms(1),)
