"""The protocol's strings, each with what it means to us; and that nothing else can come out, whatever comes in."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollers.providers.answer import Answer, amount_of
from pollers.providers.contract import (
    RAW_CHARS_MAX,
    AccountProblem,
    ActiveOrder,
    AlreadyBought,
    AlreadyDelivered,
    AlreadyEnded,
    Cancelled,
    Delivered,
    Ended,
    Message,
    NoNumbers,
    OutcomeUnknown,
    Price,
    PriceTooLow,
    ProviderError,
    Purchase,
    Refused,
    TooEarly,
    Unavailable,
    UnknownAnswer,
    UnknownOrder,
    Waiting,
)
from pollers.providers.herosms.protocol import parse_active_page, parse_all_sms, parse_prolonged
from pollers.providers.sms_activate.price_list import parse_prices
from pollers.providers.sms_activate.protocol import (
    is_waiting_for_another,
    parse_active,
    parse_another,
    parse_balance,
    parse_cancel,
    parse_finish,
    parse_purchase,
    parse_status,
    results_among,
)
from pollers.providers.sms_activate.refusals import ERRORS, SERVER_FAULTS
from pollers.providers.sms_activate.rent_protocol import (
    parse_extended,
    parse_offer,
    parse_rent_cancel,
    parse_rent_finish,
    parse_rent_page,
    parse_rented,
    parse_rents,
)

SPENDING: list[Callable[[Answer], Any]] = [parse_extended, parse_prolonged, parse_purchase, parse_rented]
PARSERS: list[Callable[[Answer], Any]] = [
    *SPENDING,
    is_waiting_for_another,
    lambda answer: parse_offer(answer, "wa"),
    parse_active,
    parse_active_page,
    parse_all_sms,
    parse_another,
    parse_prices,
    parse_rent_cancel,
    parse_rent_finish,
    parse_rent_page,
    parse_rents,
    parse_balance,
    parse_cancel,
    parse_finish,
    parse_status,
]
HTML = "<!doctype html><html><title>502</title><body>Bad gateway</body></html>"


def ok(body: object) -> Answer:
    """An answer of the classic dialect: HTTP 200."""
    return Answer(200, body if isinstance(body, str) else json.dumps(body))


# --- buying


BOUGHT = {
    "activationId": 635468024,
    "phoneNumber": "79584123456",
    "activationCost": 12.50,
    "currency": 840,
    "countryCode": "2",
    "canGetAnotherSms": "1",
    "activationTime": "2022-06-01 17:30:57",
    "activationOperator": "mtt",
}


@pytest.mark.parametrize(
    ("body", "purchase"),
    [
        (BOUGHT, Purchase("635468024", "79584123456", Decimal("12.5"))),
        ({**BOUGHT, "activationCost": "12.50"}, Purchase("635468024", "79584123456", Decimal("12.50"))),
        (
            {**BOUGHT, "activationOperator": None, "phoneNumber": 79584123456},
            Purchase("635468024", "79584123456", Decimal("12.5")),
        ),
        ({**BOUGHT, "phoneNumber": "+79584123456"}, Purchase("635468024", "79584123456", Decimal("12.5"))),
        (
            {**BOUGHT, "activationEndTime": "2026-06-01T17:50:57+03:00", "countryCode": 2},
            Purchase("635468024", "79584123456", Decimal("12.5"), datetime(2026, 6, 1, 14, 50, 57, tzinfo=UTC)),
        ),
        ("ACCESS_NUMBER:635468024:79584123456", Purchase("635468024", "79584123456")),
        ("\ufeffACCESS_NUMBER:635468024:79584123456\r\n", Purchase("635468024", "79584123456")),
    ],
)
def test_purchase_is_read_from_every_dialect(body: object, purchase: Purchase) -> None:
    assert parse_purchase(ok(body)) == purchase


@pytest.mark.parametrize("cost", ["1e999999", "NaN", "-1", "9" * 40, "12,5", "", None, [], True, 10**30])
def test_absurd_cost_does_not_lose_a_purchase(cost: object) -> None:
    assert parse_purchase(ok({**BOUGHT, "activationCost": cost})) == Purchase("635468024", "79584123456")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("NO_NUMBERS", NoNumbers),
        ("WHATSAPP_NOT_AVAILABLE", NoNumbers),
        ("WRONG_MAX_PRICE:0.65", PriceTooLow),
        ("NO_BALANCE", AccountProblem),
        ("NO_BALANCE_FORWARD", AccountProblem),
        ("BAD_KEY", AccountProblem),
        ("NO_KEY", AccountProblem),
        ("ACCOUNT_INACTIVE", AccountProblem),
        ("NO_YULA_MAIL", AccountProblem),
        ("BANNED:'2023-01-31 10-20-30'", AccountProblem),
        ("BAD_SERVICE", Refused),
        ("BAD_COUNTRY", Refused),
        ("BAD_ACTION", Refused),
        ("WRONG_OPERATOR", Refused),
        ("WRONG_EXCEPTION_PHONE", Refused),
        ("UNPROCESSABLE_ENTITY:service:INVALID", Refused),
        ("CHANNELS_LIMIT", Unavailable),
        ("NO_CONNECTION", Unavailable),
        ("ORDER_ALREADY_EXISTS", AlreadyBought),
        ("ERROR_SQL", OutcomeUnknown),
        ("SQL_ERROR", OutcomeUnknown),
    ],
)
def test_refused_purchase_says_why(body: str, error: type[ProviderError]) -> None:
    with pytest.raises(error) as raised:
        parse_purchase(ok(body))
    assert type(raised.value) is error
    assert raised.value.reason == body.partition(":")[0]
    assert raised.value.raw == body


@pytest.mark.parametrize(
    "answer",
    [
        ok(""),
        ok("null"),
        ok("{"),
        ok("[" * 100_000),
        ok(HTML),
        ok("A_WORD_OF_TOMORROW"),
        ok("NO_NUMBERS_TODAY"),
        ok("ACCESS_NUMBER:635468024:"),
        ok("ACCESS_NUMBER:635468024:not a phone"),
        ok({**BOUGHT, "phoneNumber": None}),
        ok({**BOUGHT, "activationId": "1; drop"}),
        ok({**BOUGHT, "phoneNumber": "9" * 30}),
        Answer(302, ""),
        Answer(404, HTML),
        Answer(500, "Internal Server Error"),
        Answer(500, '{"title":"SERVER_ERROR"}'),
        Answer(502, HTML),
        Answer(504, ""),
    ],
    ids=lambda answer: f"{answer.http_status} {answer.text[:30]}",
)
def test_unclear_purchase_is_never_taken_as_refused(answer: Answer) -> None:
    with pytest.raises(OutcomeUnknown) as raised:
        parse_purchase(answer)
    assert raised.value.raw == answer.text[:RAW_CHARS_MAX]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(401, "BAD_KEY"), AccountProblem),
        (Answer(401, '{"title":"BAD_KEY","details":"Wrong key","info":null}'), AccountProblem),
        (Answer(401, ""), AccountProblem),
        (Answer(402, '{"title":"NO_BALANCE","details":"","info":{}}'), AccountProblem),
        (Answer(403, HTML), AccountProblem),
        (Answer(403, '{"title":"CHANNELS_LIMIT","info":{"current_threads":5,"max_allowed":5}}'), Unavailable),
        (Answer(404, '{"title":"BAD_ACTION"}'), Refused),
        (Answer(422, '{"title":"UNPROCESSABLE_ENTITY","info":{"field":"service"}}'), Refused),
        (Answer(429, "Too Many Requests"), Unavailable),
        (Answer(429, '{"title":"RATE_LIMIT"}'), Unavailable),
        (ok({"status": "error", "message": "NO_NUMBERS"}), NoNumbers),
    ],
    ids=lambda value: getattr(value, "text", value),
)
def test_word_counts_before_http_status(answer: Answer, error: type[ProviderError]) -> None:
    with pytest.raises(error):
        parse_purchase(answer)


@pytest.mark.parametrize(
    ("answer", "minimum"),
    [
        (ok("WRONG_MAX_PRICE:0.65"), Decimal("0.65")),
        (ok("WRONG_MAX_PRICE"), None),
        (ok("WRONG_MAX_PRICE:1e99999999"), None),
        (Answer(400, '{"title":"WRONG_MAX_PRICE","info":{"min":0.65}}'), Decimal("0.65")),
    ],
    ids=lambda value: getattr(value, "text", str(value)),
)
def test_too_low_a_price_names_the_lowest(answer: Answer, minimum: Decimal | None) -> None:
    with pytest.raises(PriceTooLow) as raised:
        parse_purchase(answer)
    assert raised.value.minimum == minimum


BAN_END = datetime(2023, 1, 31, 10, 20, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("answer", "until"),
    [
        (ok("BANNED:'2023-01-31 10-20-30'"), BAN_END),
        (ok("BANNED:2023-01-31 10-20-30"), BAN_END),
        (ok("BANNED"), None),
        (ok("BANNED:'0000-00-00 00-00-00'"), None),
        (Answer(403, '{"title":"BANNED","info":{"banned_until":"2023-01-31T10:20:30Z"}}'), BAN_END),
    ],
    ids=lambda value: getattr(value, "text", str(value)),
)
def test_ban_names_its_end(answer: Answer, until: datetime | None) -> None:
    with pytest.raises(AccountProblem) as raised:
        parse_purchase(answer)
    assert raised.value.banned_until == until


def test_time_without_zone_is_of_the_providers_zone() -> None:
    with pytest.raises(AccountProblem) as raised:
        parse_purchase(ok("BANNED:'2023-01-31 10-20-30'"), timezone(timedelta(hours=3)))
    assert raised.value.banned_until == datetime(2023, 1, 31, 7, 20, 30, tzinfo=UTC)


# --- looking


SMS = {"dateTime": "2022-06-01 17:31:00", "code": "123456", "text": "Your code is 123456"}
ARRIVED = Message("123456", "Your code is 123456", datetime(2022, 6, 1, 17, 31, tzinfo=UTC))


def one(code: str, text: str = "", received_at: datetime | None = None) -> Delivered:
    return Delivered((Message(code, text, received_at),))


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ("STATUS_WAIT_CODE", Waiting()),
        ("STATUS_WAIT_RESEND", Waiting()),
        ("STATUS_WAIT_RETRY:", Waiting()),
        ("STATUS_WAIT_RETRY:4321", Waiting()),
        ("STATUS_CANCEL", Ended()),
        ("ACCESS_CANCEL", Ended()),
        ("STATUS_OK:123456", one("123456")),
        ("STATUS_OK:'123456'", one("123456")),
        ("STATUS_OK:a:b", one("a:b")),
        ("STATUS_OK:" + "7" * 201, one("", "7" * 201)),
        ("STATUS_OK:" + "7" * 9_000, one("", "7" * 4_000)),
        ({"verificationType": 0, "sms": {"code": "7" * 201, "text": "all"}}, one("", "all")),
        ({"verificationType": 0, "sms": {"code": "7" * 201, "text": ""}}, one("", "7" * 201)),
        ({"verificationType": 0, "sms": None}, Waiting()),
        ({"verificationType": 0, "sms": SMS}, Delivered((ARRIVED,))),
        ({"verificationType": 0, "sms": {**SMS, "code": ""}}, one("", ARRIVED.text, ARRIVED.received_at)),
        ({"verificationType": 0, "sms": {**SMS, "code": 123456}}, Delivered((ARRIVED,))),
        ({"verificationType": 0, "sms": {**SMS, "dateTime": "soon"}}, one("123456", ARRIVED.text)),
        ({"verificationType": 2, "sms": None, "call": {"from": "79", "code": "55", "text": ""}}, one("55")),
        ({"verificationType": "sms", "data": {"id": 1, "code": "55", "text": "c 55"}}, one("55", "c 55")),
        ({"verificationType": 0, "sms": {"code": "1\x002", "text": "\ud800"}}, one("12", "?")),
    ],
)
def test_status_is_read_from_both_versions(body: object, result: object) -> None:
    assert parse_status(ok(body)) == result


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (ok("NO_ACTIVATION"), UnknownOrder),
        (ok("WRONG_ACTIVATION_ID"), UnknownOrder),
        (ok("BAD_ACTION"), Refused),
        (ok("BAD_KEY"), AccountProblem),
        (ok("ERROR_SQL"), Unavailable),
        (Answer(429, "Too Many Requests", retry_after_s=7), Unavailable),
        (Answer(503, HTML), Unavailable),
        (ok(HTML), UnknownAnswer),
        (ok("STATUS_OK:"), UnknownAnswer),
        (ok("{}"), UnknownAnswer),
        (ok("[]"), UnknownAnswer),
        (Answer(301, ""), UnknownAnswer),
    ],
    ids=lambda value: value.text[:30] if isinstance(value, Answer) else value,
)
def test_status_that_is_none_raises(answer: Answer, error: type[ProviderError]) -> None:
    with pytest.raises(error) as raised:
        parse_status(answer)
    assert getattr(raised.value, "retry_after_s", None) == answer.retry_after_s


# --- cancelling and finishing


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (ok("ACCESS_CANCEL"), Cancelled()),
        (ok("EARLY_CANCEL_DENIED"), TooEarly()),
        (Answer(409, '{"title":"EARLY_CANCEL_DENIED","info":{"minActivationTime":120}}'), TooEarly()),
        (Answer(409, '{"title":"OTP_RECEIVED"}'), AlreadyDelivered()),
        (Answer(409, '{"title":"ACTIVATION_NOT_ACTIVE"}'), AlreadyEnded()),
        (ok("STATUS_CANCEL"), AlreadyEnded()),
    ],
    ids=lambda value: getattr(value, "text", str(value)),
)
def test_cancel_has_four_ends(answer: Answer, result: object) -> None:
    assert parse_cancel(answer) == result


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("BAD_STATUS", Refused),
        ("BAD_SERVICE", Refused),
        ("NO_ACTIVATION", UnknownOrder),
        ("BAD_KEY", AccountProblem),
        ("ERROR_SQL", Unavailable),
        ("ACCESS_ACTIVATION", UnknownAnswer),
        ("ACCESS_READY", UnknownAnswer),
        ("", UnknownAnswer),
    ],
)
def test_cancel_is_confirmed_by_one_word_only(body: str, error: type[ProviderError]) -> None:
    with pytest.raises(error):
        parse_cancel(ok(body))


@pytest.mark.parametrize("body", ["ACCESS_ACTIVATION", "ACCESS_CANCEL", '{"title":"ACTIVATION_NOT_ACTIVE"}'])
def test_finish_takes_an_order_already_ended(body: str) -> None:
    parse_finish(ok(body))


@pytest.mark.parametrize(
    ("body", "error"), [("BAD_STATUS", Refused), ("NO_ACTIVATION", UnknownOrder), ("ACCESS_READY", UnknownAnswer)]
)
def test_finish_that_is_none_raises(body: str, error: type[ProviderError]) -> None:
    with pytest.raises(error):
        parse_finish(ok(body))


# --- lists and funds


ROW = {
    "activationId": "635468021",
    "serviceCode": "vk",
    "phoneNumber": "79584123456",
    "activationCost": 12.50,
    "activationStatus": "4",
    "smsCode": None,
    "smsText": None,
    "activationTime": "2022-06-01 16:59:16",
    "countryCode": "2",
}
ACTIVE = ActiveOrder(
    "635468021", "79584123456", "vk", "2", datetime(2022, 6, 1, 16, 59, 16, tzinfo=UTC), cost=Decimal("12.5")
)


def active(row: dict[str, Any], field: str = "activeActivations") -> Answer:
    return ok({"status": "success", field: [row]})


def hero(rows: list[dict[str, Any]], num_rows: object) -> Answer:
    """HeroSMS's form: the rows in one field, how many there are in another."""
    return ok({"status": "success", "data": rows, "activeActivations": {"num_rows": num_rows}})


@pytest.mark.parametrize(
    ("answer", "orders"),
    [
        (active(ROW), [ACTIVE]),
        (
            active({**ROW, "activationCost": "10.00", "activationId": 635468021, "countryCode": 2}),
            [replace(ACTIVE, cost=Decimal(10))],
        ),
        (active(ROW, "data"), [ACTIVE]),
        (hero([ROW], num_rows=1), [ACTIVE]),
        (hero([], num_rows="0"), []),
        (ok({"status": "success", "activeActivations": []}), []),
        (ok({"status": "error", "error": "NO_ACTIVATIONS"}), []),
        (ok("NO_ACTIVATIONS"), []),
    ],
)
def test_active_orders_are_listed(answer: Answer, orders: list[ActiveOrder]) -> None:
    assert parse_active(answer) == orders


@pytest.mark.parametrize(
    ("codes", "texts", "messages"),
    [
        (["1", "2"], ["one", "two"], (Message("1", "one"), Message("2", "two"))),
        (["1"], None, (Message("1", ""),)),
        (None, ["one"], (Message("", "one"),)),
        ("1", "one", (Message("1", "one"),)),
        ([1], [{}], (Message("1", ""),)),
        (["7" * 201], ["all of it"], (Message("", "all of it"),)),
        (["7" * 201], None, (Message("", "7" * 201),)),
        ([], [], ()),
        ([None], [None], ()),
    ],
)
def test_active_order_brings_its_messages(codes: object, texts: object, messages: tuple[Message, ...]) -> None:
    [order] = parse_active(active({**ROW, "smsCode": codes, "smsText": texts}))
    assert order.messages == messages


@pytest.mark.parametrize(
    "answer",
    [
        active({**ROW, "activationId": None}),
        active({**ROW, "phoneNumber": "?"}),
        active({**ROW, "countryCode": None}),
        hero([ROW], num_rows=2),
        hero([], num_rows="1"),
        hero([ROW], num_rows="many"),
        ok({"status": "success", "activeActivations": [None]}),
        ok({"status": "success", "activeActivations": {"affected_rows": 0}}),
        ok({"status": "success"}),
        ok(HTML),
    ],
)
def test_list_that_cannot_be_read_whole_is_no_list(answer: Answer) -> None:
    with pytest.raises(UnknownAnswer):
        parse_active(answer)


@pytest.mark.parametrize(("body", "funds"), [("ACCESS_BALANCE:100.5", "100.5"), ("ACCESS_BALANCE:-0.25", "-0.25")])
def test_balance_is_exact(body: str, funds: str) -> None:
    assert parse_balance(ok(body)) == Decimal(funds)


@pytest.mark.parametrize("body", ["ACCESS_BALANCE:", "ACCESS_BALANCE:inf", "ACCESS_BALANCE:1e400", "100.5", HTML])
def test_absurd_balance_is_none(body: str) -> None:
    with pytest.raises(UnknownAnswer):
        parse_balance(ok(body))


# --- everything else


@pytest.mark.parametrize("word", sorted(ERRORS))
def test_every_word_of_refusal_is_known_to_every_action(word: str) -> None:
    for parse in PARSERS:
        try:
            parse(ok(word))
        except UnknownAnswer as unknown:
            pytest.fail(f"{parse.__name__} does not know {word}: {unknown}")
        except ProviderError:
            pass


@pytest.mark.parametrize("word", sorted(SERVER_FAULTS))
def test_a_fault_of_the_server_is_harmless_except_where_money_is_spent(word: str) -> None:
    with pytest.raises(Unavailable):
        parse_status(ok(word))
    for parse in SPENDING:
        with pytest.raises(OutcomeUnknown):
            parse(ok(word))


MEANINGS: dict[type[ProviderError], str] = {
    NoNumbers: "the next route",
    PriceTooLow: "the next route",
    Unavailable: "later",
    AccountProblem: "an operator",
    Refused: "never",
    UnknownOrder: "no such order",
    AlreadyBought: "look for it",
}
WORDS_BY_MEANING = {
    "the next route": "NO_NUMBERS OUT_OF_STOCK SERVICE_NOT_AVAILABLE SIM_OFFLINE WHATSAPP_NOT_AVAILABLE"
    " WRONG_MAX_PRICE",
    "later": "CHANNELS_LIMIT ERROR_SQL NO_CONNECTION RATE_LIMIT SERVER_ERROR SQL_ERROR",
    "an operator": "ACCOUNT_INACTIVE BAD_KEY BANNED NO_BALANCE NO_BALANCE_FORWARD NO_KEY NO_YULA_MAIL",
    "never": "ACTIVATION_NOT_ACTIVE ALREADY_CANCEL ALREADY_FINISH BAD_ACTION BAD_COUNTRY BAD_SERVICE BAD_STATUS"
    " CANT_CANCEL EARLY_CANCEL_DENIED FREE_CANCELLATION_EXPIRED INCORECT_STATUS INVALID_TIME MAX_HOURS_EXCEED"
    " NEW_ACTIVATION_IMPOSSIBLE NEW_OTP_RECEIVED OPERATORS_NOT_FOUND OTP_RECEIVED RENEW_ACTIVATION_NOT_AVAILABLE"
    " RENT_DIE UNPROCESSABLE_ENTITY WRONG_DATE WRONG_EXCEPTION_PHONE WRONG_OPERATOR",
    "no such order": "INVALID_PHONE NOT_FOUND NO_ACTIVATION NO_ID_RENT WRONG_ACTIVATION_ID",
    "look for it": "ORDER_ALREADY_EXISTS",
}


@pytest.mark.parametrize("meaning", WORDS_BY_MEANING)
def test_every_word_of_refusal_means_what_is_done_about_it(meaning: str) -> None:
    words = WORDS_BY_MEANING[meaning].split()
    assert sorted(words) == sorted(word for word, error in ERRORS.items() if MEANINGS[error] == meaning)
    for word in words:
        for form in (
            ok(word),
            ok(f"{word}:1"),
            ok({"status": "error", "message": word}),
            Answer(409, json.dumps({"title": word, "details": "", "info": None})),
        ):
            with pytest.raises(ProviderError) as raised:
                parse_balance(form)
            assert MEANINGS[type(raised.value)] == meaning
            assert raised.value.reason == word


# --- another SMS, many orders, prices


def test_another_sms_is_promised_by_one_word_only() -> None:
    parse_another(ok("ACCESS_RETRY_GET"))
    for body in ("ACCESS_READY", "ACCESS_ACTIVATION", "", "{}"):
        with pytest.raises(UnknownAnswer):
            parse_another(ok(body))
    with pytest.raises(Refused):
        parse_another(ok("BAD_STATUS"))


@pytest.mark.parametrize(
    ("body", "waits"),
    [
        ("STATUS_WAIT_RETRY:1234", True),
        ("STATUS_WAIT_RETRY:", True),
        ("STATUS_WAIT_RESEND", True),
        ("STATUS_WAIT_CODE", False),
        ("STATUS_OK:1234", False),
        ("STATUS_CANCEL", False),
    ],
)
def test_order_that_waits_for_another_sms_is_told_by_its_status(body: str, waits: bool) -> None:
    assert is_waiting_for_another(ok(body)) is waits


def test_list_tells_of_those_wanted_only() -> None:
    [waiting] = parse_active(active(ROW))
    [delivered] = parse_active(active({**ROW, "activationId": "2", "smsCode": ["55"]}))
    assert results_among([waiting, delivered], ["2", "3"]) == {"2": one("55")}
    assert results_among([waiting, delivered], [waiting.provider_order_id]) == {waiting.provider_order_id: Waiting()}


@pytest.mark.parametrize(
    ("body", "prices"),
    [
        ({}, []),
        ([], []),
        ({"6": []}, []),
        ({"6": {"wa": {"cost": 0.5, "count": 10}}}, [Price("wa", "6", Decimal("0.5"), 10)]),
        ({"6": {"wa": {"cost": "0.50", "count": "10"}}}, [Price("wa", "6", Decimal("0.50"), 10)]),
        ({"62": {"wa": {"cost": 0.5, "count": 56964, "physicalCount": 0}}}, [Price("wa", "62", Decimal("0.5"), 0)]),
        ({"6": {"wa": {"cost": -1, "count": 1}, "tg": {"cost": 1, "count": 2}}}, [Price("tg", "6", Decimal(1), 2)]),
        ({"6": {"wa": None, "tg": {"count": 2}, "go": {"cost": 1}}}, []),
    ],
)
def test_prices_are_read_entry_by_entry(body: object, prices: list[Price]) -> None:
    assert parse_prices(ok(body)) == prices


@pytest.mark.parametrize("body", [HTML, "[1]", '{"6":1}', '{"status":"success","data":3}', ""])
def test_what_is_no_price_list_raises(body: str) -> None:
    with pytest.raises(UnknownAnswer):
        parse_prices(ok(body))


def test_error_carries_no_key_and_prints_no_answer() -> None:
    answer = Answer(200, "not found: /?api_key=s3cret&action=getStatus, STATUS was 123456", secret="s3cret")
    with pytest.raises(UnknownAnswer) as raised:
        parse_status(answer)
    assert "s3cret" not in raised.value.raw
    assert "123456" in raised.value.raw
    assert "123456" not in str(raised.value)
    assert "s3cret" not in repr(answer.excerpt)


def subclasses(kind: type[ProviderError]) -> list[type[ProviderError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in subclasses(child))]


def test_error_codes_are_stable_and_distinct() -> None:
    # `Held`, of `pollers.turns`, is an `Unavailable` of our own making.
    codes = [kind.error_code for kind in subclasses(ProviderError) if kind.__module__ == ProviderError.__module__]
    assert sorted(codes) == [
        "ALREADY_BOUGHT",
        "NOT_OFFERED",
        "NO_NUMBERS",
        "OUTCOME_UNKNOWN",
        "PRICE_TOO_LOW",
        "PROVIDER_ACCOUNT_PROBLEM",
        "PROVIDER_ERROR",
        "PROVIDER_REFUSED",
        "PROVIDER_UNAVAILABLE",
        "UNKNOWN_ANSWER",
        "UNKNOWN_ORDER",
    ]


WORDS = [*ERRORS, "ACCESS_NUMBER", "ACCESS_BALANCE", "STATUS_OK", "STATUS_WAIT_RETRY", "STATUS_CANCEL", "ACCESS_CANCEL"]
NAMES = [*BOUGHT, *ROW, "sms", "call", "data", "code", "text", "dateTime", "date", "title", "message", "error", "info"]
NAMES += ["phone", "id", "number", "endDate", "quantity", "values", "services", "cost", "count", "num_rows", "6", "0"]
NAMES += ["min", "banned_until", "activeActivations", "activationEndTime", "status"]
ABSURD = st.builds(lambda digits, power: f"{digits}e{power}", st.integers(), st.integers())
SCALARS = ABSURD | st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner), max_leaves=12
)
BODIES = st.one_of(
    st.text(),
    st.binary().map(lambda body: body.decode("utf-8", "replace")),
    st.builds(lambda word, rest: f"{word}:{rest}", st.sampled_from(WORDS), ABSURD | st.text()),
    DOCUMENTS.map(json.dumps),
    st.dictionaries(st.sampled_from(NAMES), DOCUMENTS).map(json.dumps),
)


@given(status=st.sampled_from([200, 200, 200, 204, 302, 400, 401, 404, 409, 418, 429, 500, 503]), body=BODIES)
def test_any_answer_gives_a_value_or_an_error_of_the_contract(status: int, body: str) -> None:
    for parse in PARSERS:
        try:
            parse(Answer(status, body, secret="key"))
        except ProviderError as error:
            assert len(error.raw) <= RAW_CHARS_MAX  # noqa: PT017 - the error is the second of two rightful ends


@given(body=BODIES)
def test_purchase_is_repeatable_only_after_a_word_of_refusal(body: str) -> None:
    for parse in SPENDING:
        try:
            parse(Answer(200, body))
        except OutcomeUnknown:
            pass
        except ProviderError as error:
            assert error.reason in ERRORS  # noqa: PT017


@given(ABSURD | st.text() | st.decimals().map(str) | st.integers().map(str) | st.floats().map(str))
def test_amount_is_finite_and_bounded(text: str) -> None:
    amount = amount_of(text)
    assert amount is None or (amount.is_finite() and abs(amount) < 10**9)
