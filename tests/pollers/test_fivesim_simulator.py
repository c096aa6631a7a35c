"""The simulated 5sim: its statuses and texts without HTTP, and its rating."""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from pollers.simulator.catalogue import COUNTRIES, SERVICES
from pollers.simulator.fivesim import action_of, respond
from pollers.simulator.fivesim_account import FiveSimAccount
from pollers.simulator.fivesim_names import COUNTRY_OF, PRODUCTS
from pollers.simulator.routes import Terms
from pollers.simulator.said import Said
from pollers.simulator.state import SimulatedAccount
from pollers.simulator.till import Timing

T0 = 1_700_000_000.0
FUNDS = Decimal("100.00")
BUY = "user/buy/activation/indonesia/any/whatsapp"
Say = Callable[..., Said]


@pytest.fixture
def five() -> FiveSimAccount:
    return FiveSimAccount(SimulatedAccount(Timing(5, 0, 900), Random(1), FUNDS))


@pytest.fixture
def say(five: FiveSimAccount) -> Say:
    def ask(path: str, at: float = 0, **query: object) -> Said:
        return respond(five, path, {name: str(value) for name, value in query.items()}, "Bearer demo", T0 + at)

    return ask


def bought(say: Say, product: str = "whatsapp", at: float = 0) -> Any:
    said = say(f"user/buy/activation/indonesia/any/{product}", at)
    assert said.http_status == 200
    return said.body


# --- refusals


@pytest.mark.parametrize(
    ("path", "query", "said"),
    [
        ("user/buy/activation/nowhere/any/whatsapp", {}, Said(400, "bad country")),
        ("user/buy/activation/indonesia/nobody/whatsapp", {}, Said(400, "bad operator")),
        ("user/buy/activation/indonesia/any/nothing", {}, Said(400, "no product")),
        ("user/buy/activation/indonesia/any/dry", {}, Said(200, "no free phones")),
        (BUY, {"maxPrice": "0.51"}, Said(200, "no free phones")),
        ("user/buy/activation", {}, Said(400, "select country")),
        ("user/buy/activation/indonesia", {}, Said(400, "select operator")),
        ("user/buy/hosting/indonesia/any/2days", {}, Said(400, "no product")),
        ("user/check/1", {}, Said(404, "order not found")),
        ("user/check/x", {}, Said(404, "order not found")),
        ("user/cancel/1", {}, Said(400, "order not found")),
        ("user/finish/1", {}, Said(400, "order not found")),
        ("user/ban/1", {}, Said(400, "order not found")),
        ("user/sms/inbox/1", {}, Said(400, "order not found")),
        ("user/sms/outbox/1", {}, Said(400, "record not found")),
        ("guest/prices", {"product": "nothing"}, Said(400, "product is incorrect")),
        ("guest/prices", {"country": "nowhere"}, Said(400, "country is incorrect")),
        ("guest/products/nowhere/any", {}, Said(400, "country is incorrect")),
        ("user/nothing", {}, Said(404, "404 page not found")),
        ("", {}, Said(404, "404 page not found")),
    ],
)
def test_refusals_have_their_status_and_text(say: Say, path: str, query: dict[str, object], said: Said) -> None:
    assert say(path, **query) == said


def test_key_is_asked_of_users_and_not_of_guests(five: FiveSimAccount) -> None:
    for authorization in ("", "demo", "Bearer wrong"):
        assert respond(five, "user/profile", {}, authorization, T0) == Said(401, "")
        assert respond(five, "guest/countries", {}, authorization, T0).http_status == 200


def test_funds_run_out(five: FiveSimAccount, say: Say) -> None:
    five.account.fund(Decimal("0.51"))
    assert say(BUY) == Said(400, "not enough user balance")
    assert say("user/buy/hosting/indonesia/any/1day") == Said(400, "not enough user balance")


def test_cheap_enough_is_sold(say: Say) -> None:
    assert say(BUY, maxPrice="0.52").body["price"] == 0.52
    assert say(f"{BUY}/", maxPrice="nan").http_status == 200


# --- orders


def test_order_has_the_documented_form(say: Say) -> None:
    order = bought(say)
    assert order.keys() == {
        "id", "phone", "operator", "product", "price", "status", "expires", "sms", "created_at", "forwarding",
        "forwarding_number", "country",
    }  # fmt: skip
    assert order["phone"].startswith("+62")
    assert (order["created_at"], order["expires"]) == (
        "2023-11-14T22:13:20.000000000Z",
        "2023-11-14T22:28:20.000000000Z",
    )
    assert order["sms"] is None
    assert say(f"user/check/{order['id']}").body["sms"] == []


def test_fresh_order_may_call_itself_received(say: Say) -> None:
    orders = [bought(say) for _ in range(20)]
    assert {order["status"] for order in orders} == {"PENDING", "RECEIVED"}
    assert all(say(f"user/check/{order['id']}").body["sms"] == [] for order in orders)


def test_order_lives_and_ends_in_the_documented_words(say: Say) -> None:
    def status(order: Any, at: float) -> tuple[str, int]:
        body = say(f"user/check/{order['id']}", at).body
        return body["status"], len(body["sms"])

    finished, auto_finished, cancelled, banned, timed_out = [
        bought(say, product) for product in ("whatsapp", "whatsapp", "none", "none", "none")
    ]
    assert say(f"user/cancel/{cancelled['id']}").body["status"] == "CANCELED"
    assert say(f"user/ban/{banned['id']}").body["status"] == "BANNED"
    assert say(f"user/finish/{timed_out['id']}") == Said(400, "order no sms")
    assert status(finished, 6) == ("RECEIVED", 1)
    assert say(f"user/cancel/{finished['id']}", 6) == Said(400, "order has sms")
    assert say(f"user/finish/{finished['id']}", 6).body["status"] == "FINISHED"
    assert status(finished, 6) == status(auto_finished, 901) == ("FINISHED", 1)
    assert status(timed_out, 901) == ("TIMEOUT", 0)
    assert (status(cancelled, 901), status(banned, 901)) == (("CANCELED", 0), ("BANNED", 0))
    for order, text in ((finished, "order not found"), (cancelled, "order not found"), (timed_out, "order expired")):
        for action in ("finish", "cancel", "ban"):
            assert say(f"user/{action}/{order['id']}", 901) == Said(400, text)


def test_early_cancel_is_told_to_wait(five: FiveSimAccount, say: Say) -> None:
    five.account.timing = Timing(5, 60, 900)
    order = bought(say, "none")
    assert say(f"user/cancel/{order['id']}", 59) == Said(400, "you need to wait time")
    assert say(f"user/cancel/{order['id']}", 60).http_status == 200


def test_rating_moves_with_every_end(say: Say) -> None:
    def rating(at: float) -> float:
        return float(say("user/profile", at).body["rating"])

    assert rating(0) == 96
    for _ in range(10):
        say(f"user/cancel/{bought(say, 'none')['id']}")
    assert rating(0) == 95
    bought(say, "none")
    assert rating(900) == 94.85
    say(f"user/finish/{bought(say, at=900)['id']}", 906)
    assert rating(906) == 95.35
    bought(say, at=906)
    assert rating(906 + 900) == 95.75
    say(f"user/finish/{bought(say, at=1900)['id']}", 1906)
    assert rating(1906) == 96  # the maximum


def test_rating_of_nothing_buys_nothing(say: Say) -> None:
    for _ in range(960):
        say(f"user/cancel/{bought(say, 'none')['id']}")
    assert say(BUY) == Said(400, "not enough rating")


# --- lists


def test_history_is_paged_newest_first(say: Say) -> None:
    ids = [bought(say)["id"] for _ in range(25)]
    page = say("user/orders", category="activation", order="id", reverse="true", limit=10, offset=10).body
    assert [row["id"] for row in page["Data"]] == ids[14:4:-1]
    assert page["Total"] == 25
    assert len(say("user/orders", category="activation").body["Data"]) == 15
    assert [row["id"] for row in say("user/orders", reverse="false", limit=1).body["Data"]] == ids[:1]
    assert say("user/orders", category="hosting").body == {"Data": [], "ProductNames": [], "Statuses": [], "Total": 0}


def test_rental_is_a_hosting_order(say: Say) -> None:
    rental = say("user/buy/hosting/indonesia/any/1day").body
    path = f"{rental['id']}"
    assert (rental["product"], rental["expires"]) == ("1day", "2023-11-15T22:13:20.000000000Z")
    for action in ("finish", "cancel", "ban"):
        assert say(f"user/{action}/{path}") == Said(400, "hosting order")
    inbox = say(f"user/sms/inbox/{path}", 6).body
    assert inbox["Total"] == 1
    assert inbox["Data"][0].keys() == {"ID", "created_at", "date", "sender", "text", "code", "is_wave", "wave_uuid"}
    assert [row["id"] for row in say("user/orders", category="hosting").body["Data"]] == [rental["id"]]
    assert say(f"user/check/{path}", 86_400).body["status"] == "FINISHED"


def test_prices_are_nested_by_what_was_asked(five: FiveSimAccount, say: Say) -> None:
    five.account.routes.put(("wa", 6), Terms(success=0.321))
    whole = say("guest/prices").body
    assert whole.keys() == COUNTRY_OF.keys()
    operators = say("guest/prices", country="indonesia", product="whatsapp").body["indonesia"]["whatsapp"]
    assert say("guest/prices", product="whatsapp").body["whatsapp"]["indonesia"] == operators
    assert say("guest/prices", country="indonesia").body == {"indonesia": whole["indonesia"]}
    assert {offer["rate"] for offer in operators.values()} == {32.1}
    assert {offer["cost"] for offer in operators.values()} == {0.52}
    stock = five.account.routes.stock(SERVICES["wa"], COUNTRIES[6])
    assert sum(offer["count"] for offer in operators.values()) == stock
    products = say("guest/products/indonesia/any").body
    assert products["whatsapp"].keys() == products["1day"].keys() == {"Category", "Qty", "Price"}


def test_every_service_has_a_name() -> None:
    assert PRODUCTS.keys() == SERVICES.keys()
    assert len(set(PRODUCTS.values())) == len(PRODUCTS)


@pytest.mark.parametrize(
    ("path", "action"),
    [
        (BUY, "buy"),
        ("user/sms/inbox/1", "inbox"),
        ("guest/prices", "prices"),
        ("user/nothing", "user/nothing"),
        ("", ""),
    ],
)
def test_actions_have_names_for_faults(path: str, action: str) -> None:
    assert action_of(path) == action
