"""The simulator's rentals: their rules without a clock, then how each dialect tells of them, and what it keeps."""

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from pollers.simulator import herosms, sms_activate
from pollers.simulator.catalogue import COUNTRIES, SERVICES, price_of
from pollers.simulator.record import from_json, to_json
from pollers.simulator.rentals import HOURS_MAX, HOURS_MIN, SMS_EVERY_S, WHOLE_NUMBER, RentalState, rent_price_of
from pollers.simulator.state import SimulatedAccount
from pollers.simulator.till import Refusal, Timing
from wallet_db.demo import DEMO_PRICE, DEMO_RENTAL_PRICE_HOUR

T0 = 1_700_000_000.0
HOUR_S = 3_600.0
FUNDS = Decimal("1000.00")


def seeded(seed: int) -> Random:
    return Random(seed)


def new_account(sms_delay_s: float = 1e9) -> SimulatedAccount:
    return SimulatedAccount(Timing(sms_delay_s=sms_delay_s), seeded(1), FUNDS)


def say(account: SimulatedAccount, now: float, action: str, **params: object) -> Any:
    given = {"api_key": "demo", "action": action} | {name: str(value) for name, value in params.items()}
    return sms_activate.respond(account, given, now)


def hero(account: SimulatedAccount, now: float, action: str, **params: object) -> tuple[int, Any]:
    given = {"api_key": "demo", "action": action} | {name: str(value) for name, value in params.items()}
    said = herosms.respond(account, given, now)
    assert said.media_type == "text/html" or said.body is None
    return said.http_status, said.body


# --- rules


def test_rental_ends_by_itself_and_is_paid() -> None:
    account = new_account()
    rental = account.rentals.rent("wa", 6, 4, T0)
    assert account.rentals.look(rental.id, T0 + 4 * HOUR_S - 1).state is RentalState.ACTIVE
    assert account.rentals.look(rental.id, T0 + 4 * HOUR_S).state is RentalState.FINISHED
    assert account.rentals.active(T0 + 4 * HOUR_S) == []
    assert account.balance == FUNDS - rental.price


def test_sms_come_one_after_another_until_the_end() -> None:
    account = new_account(sms_delay_s=5)
    rental = account.rentals.rent("wa", 6, 2, T0)
    account.rentals.look(rental.id, T0 + 5 + 2 * SMS_EVERY_S)
    assert [sms.at - T0 for sms in rental.messages] == [5, 5 + SMS_EVERY_S, 5 + 2 * SMS_EVERY_S]
    account.rentals.look(rental.id, T0 + 100 * HOUR_S)
    assert rental.messages[-1].at <= rental.ends_at
    never = account.rentals.rent("none", 6, 2, T0 + 100 * HOUR_S)
    assert account.rentals.look(never.id, T0 + 200 * HOUR_S).messages == []


def test_rental_is_taken_back_within_twenty_minutes() -> None:
    account = new_account()
    early, late = (account.rentals.rent("wa", 6, 4, T0) for _ in range(2))
    account.rentals.cancel(early.id, T0 + 1200)
    assert account.balance == FUNDS - late.price
    with pytest.raises(Refusal, match="CANT_CANCEL"):
        account.rentals.cancel(late.id, T0 + 1201)
    with pytest.raises(Refusal, match="ALREADY_CANCEL"):
        account.rentals.finish(early.id, T0 + 1201)


def test_extension_is_charged_bounded_and_only_for_the_living() -> None:
    account = new_account()
    rental = account.rentals.rent("full", 6, 24, T0)
    said = account.rentals.extension_price(rental.id, 100, T0)
    paid = account.balance
    account.rentals.extend(rental.id, 100, T0)
    assert account.balance == paid - said
    assert say(account, T0, "getContinueRentPriceNumber", id=rental.id, rent_time=100) == {
        "status": "success", "price": str(said), "currency": 840,
    }  # fmt: skip
    assert rental.ends_at == T0 + 124 * HOUR_S
    assert account.balance == FUNDS - rental.price
    for hours, word in ((1, "INVALID_TIME"), (1345, "INVALID_TIME"), (1221, "MAX_HOURS_EXCEED:1220")):
        with pytest.raises(Refusal, match=word):
            account.rentals.extend(rental.id, hours, T0)
    account.rentals.finish(rental.id, T0)
    with pytest.raises(Refusal, match="RENT_DIE"):
        account.rentals.extend(rental.id, 24, T0)


def test_a_rental_ends_on_order_as_by_its_time() -> None:
    account = new_account()
    rental = account.rentals.rent("wa", 6, 24, T0)
    account.rentals.end(rental.id, T0 + 10)
    assert (rental.state, rental.ends_at, account.balance) == (RentalState.FINISHED, T0 + 10, FUNDS - rental.price)
    with pytest.raises(Refusal, match="RENT_DIE"):
        account.rentals.end(rental.id, T0 + 11)


def test_the_demo_s_price_buys_every_rental_the_simulator_sells() -> None:
    for service in (*SERVICES, WHOLE_NUMBER):
        for country in COUNTRIES.values():
            for hours in (HOURS_MIN, 4, 24, HOURS_MAX):
                assert rent_price_of(service, country, hours) <= DEMO_RENTAL_PRICE_HOUR * hours


def test_the_demo_s_price_buys_every_number_the_simulator_sells() -> None:
    prices = [price_of(service, country) for service in SERVICES.values() for country in COUNTRIES.values()]
    assert max(prices) <= DEMO_PRICE


def test_rentals_are_in_the_record() -> None:
    account = new_account(sms_delay_s=1.1)
    for hours in (2, 5, 7):
        account.rentals.rent("wa", 6, hours, T0, url="http://127.0.0.1/x")
    account.rentals.active(T0 + 3 * HOUR_S)
    record = account.record()
    assert len(record.rentals) == 3
    assert from_json(to_json(record)) == record
    later = SimulatedAccount(account.timing, seeded(2), Decimal(0))
    later.resume(record)
    assert later.record() == record
    assert [rental.id for rental in later.rentals.active(T0)] == [rental.id for rental in account.rentals.active(T0)]


# --- the classic dialect


def test_classic_rental_lives_its_life_in_documented_words() -> None:
    account = new_account()
    assert say(account, T0, "getRentList") == {"status": "error", "message": "NO_NUMBERS"}
    rented = say(account, T0, "getRentNumber", service="wa", time=24, country=6)
    assert rented["phone"]["endDate"] == "2023-11-15T22:13:20"
    id_ = rented["phone"]["id"]
    listed = {"id": str(id_), "phone": rented["phone"]["number"]}
    assert say(account, T0, "getRentList") == {"status": "success", "values": {"0": listed}}
    assert say(account, T0, "getRentStatus", id=id_) == {"status": "error", "message": "STATUS_WAIT_CODE"}
    for number in range(12):
        account.rentals.deliver(id_, T0, text=f"text {number}")
    pages = [say(account, T0, "getRentStatus", id=id_, page=page, size=10) for page in range(3)]
    assert {page["quantity"] for page in pages} == {"12"}
    assert [len(page["values"]) for page in pages] == [10, 2, 0]
    assert pages[1]["values"]["0"] == {
        "phoneFrom": "WhatsApp",
        "text": "text 10",
        "service": "wa",
        "date": "2023-11-14 22:13:20",
    }
    longer = say(account, T0, "continueRentNumber", id=id_, rent_time=24)
    assert longer["phone"]["endDate"] == "2023-11-16T22:13:20"
    assert say(account, T0, "setRentStatus", id=id_, status=1) == {"status": "success"}
    for action, word in (("getRentStatus", "STATUS_FINISH"), ("setRentStatus", "ALREADY_FINISH")):
        assert say(account, T0, action, id=id_, status=2)["message"] == word


@pytest.mark.parametrize(
    ("action", "params", "word"),
    [
        ("getRentNumber", {"service": "nope", "country": 6}, "BAD_SERVICE"),
        ("getRentNumber", {"service": "dry", "country": 6}, "NO_NUMBERS"),
        ("getRentNumber", {"service": "wa", "country": 6, "rent_time": 1}, "INVALID_TIME"),
        ("getRentServicesAndCountries", {"country": 999}, "OUT_OF_STOCK"),
        ("getRentStatus", {}, "NO_ID_RENT"),
        ("getRentStatus", {"id": 5}, "INVALID_PHONE"),
        ("setRentStatus", {"id": 5, "status": 1}, "INVALID_PHONE"),
        ("continueRentNumber", {"id": 5, "rent_time": 4}, "INVALID_PHONE"),
    ],
)
def test_classic_rent_is_refused_in_json(action: str, params: dict[str, object], word: str) -> None:
    account = new_account()
    assert say(account, T0, action, **params) == {"status": "error", "message": word}
    assert account.balance == FUNDS


def test_too_long_an_extension_tells_what_is_left() -> None:
    account = new_account()
    id_ = say(account, T0, "getRentNumber", service="wa", rent_time=1300, country=6)["phone"]["id"]
    refused = {"status": "error", "message": "MAX_HOURS_EXCEED", "info": {"max": 44}}
    assert say(account, T0, "continueRentNumber", id=id_, rent_time=45) == refused
    assert say(account, T0, "setRentStatus", id=id_, status=3)["message"] == "INCORECT_STATUS"


def test_classic_rent_costs_what_is_offered() -> None:
    account = new_account()
    offers = say(account, T0, "getRentServicesAndCountries", rent_time=24, country=6)
    assert offers["currency"] == 840
    assert "dry" not in offers["services"]
    assert offers["services"]["full"]["quant"] == 20
    say(account, T0, "getRentNumber", service="wa", rent_time=24, country=6)
    assert FUNDS - account.balance == Decimal(str(offers["services"]["wa"]["cost"]))


# --- further actions of the classic dialect


def test_completed_number_is_sold_once_more() -> None:
    account = SimulatedAccount(Timing(sms_delay_s=0), seeded(1), FUNDS)
    order = account.buy("wa", 6, T0)
    assert say(account, T0, "getExtraActivation", activationId=order.id) == "RENEW_ACTIVATION_NOT_AVAILABLE"
    say(account, T0, "setStatus", id=order.id, status=6)
    word, id_, phone = say(account, T0, "getExtraActivation", activationId=order.id).split(":")
    assert (word, phone) == ("ACCESS_NUMBER", order.phone)
    assert int(id_) != order.id
    assert say(account, T0, "getExtraActivation", activationId=order.id) == "NEW_ACTIVATION_IMPOSSIBLE"
    assert say(account, T0, "getExtraActivation", activationId=1) == "WRONG_ACTIVATION_ID"


def test_history_is_newest_first_in_pages() -> None:
    account = SimulatedAccount(Timing(sms_delay_s=0), seeded(1), FUNDS)
    ids = [account.buy("wa", 6, T0 + turn).id for turn in range(5)]
    say(account, T0 + 5, "setStatus", id=ids[0], status=6)
    rows = say(account, T0 + 5, "getHistory", offset=0, limit=3)
    assert [row["id"] for row in rows] == ids[:1:-1]
    assert {row["cost"] for row in rows} == {0}
    [completed] = say(account, T0 + 5, "getHistory", end=int(T0))
    assert (completed["id"], completed["cost"]) == (ids[0], 0.52)
    assert say(account, T0 + 5, "getHistory", start=int(T0), end=1) == "WRONG_DATE"


def test_operators_are_told_by_country() -> None:
    account = new_account()
    assert say(account, T0, "getOperators", country=6) == {"status": "success", "countryOperators": {"6": ["any"]}}
    assert say(account, T0, "getOperators", country=999) == "OPERATORS_NOT_FOUND"
    free = say(account, T0, "getTopCountriesByService", service="wa", freePrice="true")["0"]
    assert free["freePriceMap"] == {f"{free['price']:.2f}": free["count"]}


# --- HeroSMS


@pytest.mark.parametrize(
    ("action", "params", "http_status", "title"),
    [
        ("getNothing", {}, 404, "BAD_ACTION"),
        ("getStatus", {"id": 1}, 404, "NOT_FOUND"),
        ("setStatus", {"id": 1, "status": 8}, 404, "NOT_FOUND"),
        ("setStatus", {"id": 1, "status": 1}, 400, "BAD_STATUS"),
        ("getNumberV2", {"service": "nope", "country": 6}, 422, "UNPROCESSABLE_ENTITY"),
        ("getNumberV2", {"service": "wa", "country": 6, "maxPrice": "0.01"}, 400, "WRONG_MAX_PRICE"),
        ("getRentNumber", {"service": "wa", "country": 6, "duration": 1}, 422, "UNPROCESSABLE_ENTITY"),
        ("getAllSms", {"id": 1}, 404, "NOT_FOUND"),
    ],
)
def test_hero_refuses_in_an_envelope(action: str, params: dict[str, object], http_status: int, title: str) -> None:
    status, body = hero(new_account(), T0, action, **params)
    assert (status, body["title"]) == (http_status, title)
    assert body.keys() == {"title", "details", "info"}


def test_hero_still_says_some_things_plainly() -> None:
    account = new_account()
    assert hero(account, T0, "getNumberV2", service="dry", country=6) == (200, "NO_NUMBERS")
    bad = (200, "UNPROCESSABLE_ENTITY:service:INVALID")
    assert hero(account, T0, "getNumber", service="nope", country=6) == bad
    assert hero(account, T0, "getNumberV2", service="wa", country=6, maxPrice="0.01")[1]["info"] == {"min": 0.52}
    assert herosms.respond(account, {"api_key": "wrong"}, T0).http_status == 401


def test_hero_order_lives_its_life() -> None:
    account = new_account()
    status, bought = hero(account, T0, "getNumberV2", service="wa", country=6, orderId="x")
    assert status == 200
    assert bought["countryCode"] == 6
    assert bought["activationEndTime"] == "2023-11-14T22:33:20+00:00"
    id_ = bought["activationId"]
    assert hero(account, T0, "getStatusV2", id=id_) == (200, {"verificationType": "sms", "data": None})
    early = hero(account, T0, "setStatus", id=id_, status=8)
    assert (early[0], early[1]["info"]) == (409, {"minActivationTime": 120})
    account.deliver(id_, T0 + 1, "123", "It is 123")
    told = hero(account, T0 + 1, "getStatusV2", id=id_)[1]["data"]
    assert told.keys() == {"id", "phoneFrom", "code", "text", "service", "date", "type"}
    assert (told["code"], told["text"]) == ("123", "It is 123")
    assert hero(account, T0 + 1, "cancelActivation", id=id_)[1]["title"] == "OTP_RECEIVED"
    assert hero(account, T0 + 1, "finishActivation", id=id_) == (204, None)
    assert hero(account, T0 + 1, "setStatus", id=id_, status=8)[1]["title"] == "ACTIVATION_NOT_ACTIVE"


def test_hero_list_comes_in_pages_of_a_hundred() -> None:
    account = new_account()
    ids = [str(account.buy("wa", 6, T0).id) for _ in range(130)]
    pages = [hero(account, T0, "getActiveActivations", start=start, limit=500)[1] for start in (0, 100)]
    assert [row["activationId"] for page in pages for row in page["data"]] == ids
    assert [len(page["data"]) for page in pages] == [100, 30]
    assert {page["activeActivations"]["num_rows"] for page in pages} == {130}
