"""Orders over HTTP: bought, looked at and cancelled, with a simulated provider behind."""

import re
import socket
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.gateway.api import ISO, ORDER, buy, client_of, refusal, until_status, wallet
from tests.gateway.conftest import Provider
from tests.system import System

# buying


def test_purchase_is_answered_with_the_number(alice: httpx.Client) -> None:
    answer = alice.post("/api/activations", json={"service": "whatsapp", "country": "indonesia", "max_price": "5.00"})
    assert answer.status_code == 201
    order = answer.json()
    assert answer.headers["location"] == f"/api/activations/{order['id']}"
    assert answer.headers["cache-control"] == "no-store"
    assert re.fullmatch(r"62\d{9,12}", order["phone"])
    assert ISO.fullmatch(order["created_at"])
    assert ISO.fullmatch(order["expires_at"])
    unset = ("code", "cancel_allowed_at", "error_code", "closed_at")
    assert {name: order[name] for name in unset} == dict.fromkeys(unset)
    assert (order["status"], order["price"], order["sms"]) == ("pending", "5.00", [])
    assert order["cancel_requested"] is False
    assert alice.get(f"/api/activations/{order['id']}").json() == order


def test_codes_of_the_protocol_name_the_same_things(alice: httpx.Client) -> None:
    order = buy(alice, service="wa", country=6)
    assert (order["service"], order["country"]) == ("whatsapp", "indonesia")


def test_purchase_is_202_while_the_provider_is_slow(impatient_url: str, system: System, provider: Provider) -> None:
    _, token = system.sign_in()
    provider.arm("slow", "getNumberV2", delay_s=1.5)
    with client_of(impatient_url, token) as client:
        answer = client.post("/api/activations", json=ORDER)
        assert answer.status_code == 202
        order = answer.json()
        assert (order["status"], order["phone"]) == ("ordering", None)
        assert until_status(client, order["id"], "pending")["phone"]


def test_no_numbers_gives_the_money_back(alice: httpx.Client) -> None:
    answer = alice.post("/api/activations", json=ORDER | {"service": "dry"})
    order = refusal(answer, 409, "NO_NUMBERS")["activation"]
    assert (order["status"], order["error_code"]) == ("failed", "NO_NUMBERS")
    assert wallet(alice) == ("36.00", "0.00", "36.00")


def test_insufficient_funds_is_402_and_leaves_no_order(system: System) -> None:
    _, token = system.sign_in(credit="4.99")
    with client_of(system.url, token) as poor:
        body = refusal(poor.post("/api/activations", json=ORDER), 402, "INSUFFICIENT_FUNDS")
        assert (body["needed"], body["available"]) == ("5.00", "4.99")
        assert poor.get("/api/activations").json() == {"activations": [], "next": None}


def test_same_key_is_the_same_order(alice: httpx.Client) -> None:
    key = {"Idempotency-Key": "the first"}
    first = alice.post("/api/activations", json=ORDER, headers=key)
    again = alice.post("/api/activations", json=ORDER, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert "idempotent-replay" not in first.headers
    assert again.headers["idempotent-replay"] == "true"
    assert wallet(alice) == ("36.00", "5.00", "31.00")

    mismatch = alice.post("/api/activations", json=ORDER | {"country": "russia"}, headers=key)
    assert refusal(mismatch, 409, "IDEMPOTENCY_MISMATCH")["field"] == "country"
    other = alice.post("/api/activations", json=ORDER, headers={"Idempotency-Key": "the second"})
    assert other.json()["id"] != first.json()["id"]


def test_key_belongs_to_its_user(alice: httpx.Client, system: System) -> None:
    key = {"Idempotency-Key": "mine"}
    hers = alice.post("/api/activations", json=ORDER, headers=key).json()
    _, token = system.sign_in()
    with client_of(system.url, token) as bob:
        assert bob.post("/api/activations", json=ORDER, headers=key).json()["id"] != hers["id"]


@pytest.mark.parametrize("key", [b"", b"x" * 201, b"tab\there", b"\x80"])
def test_key_that_cannot_be_kept_is_refused(alice: httpx.Client, key: bytes) -> None:
    answer = alice.post("/api/activations", json=ORDER, headers=[(b"idempotency-key", key)])
    refusal(answer, 400, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"service": "nothing"}, "UNKNOWN_SERVICE"),
        ({"country": "atlantis"}, "UNKNOWN_COUNTRY"),
        ({"service": "'; drop table users; --"}, "UNKNOWN_SERVICE"),
        ({"max_price": "4.99"}, "PRICE_ABOVE_LIMIT"),
        ({"service": ""}, "INVALID_ARGUMENT"),
        ({"service": None}, "INVALID_ARGUMENT"),
        ({"service": True}, "INVALID_ARGUMENT"),
        ({"service": ["whatsapp"]}, "INVALID_ARGUMENT"),
        ({"service": "x" * 51}, "INVALID_ARGUMENT"),
        ({"service": "what\0sapp"}, "INVALID_ARGUMENT"),
        ({"country": "\0"}, "INVALID_ARGUMENT"),
        ({"country": 10**60}, "INVALID_ARGUMENT"),
        ({"max_price": "NaN"}, "INVALID_ARGUMENT"),
        ({"max_price": "-NaN"}, "INVALID_ARGUMENT"),
        ({"max_price": "sNaN"}, "INVALID_ARGUMENT"),
        ({"max_price": "Infinity"}, "INVALID_ARGUMENT"),
        ({"max_price": "-1"}, "INVALID_ARGUMENT"),
        ({"max_price": 0}, "INVALID_ARGUMENT"),
        ({"max_price": "5.001"}, "INVALID_ARGUMENT"),
        ({"max_price": "1e999999"}, "INVALID_ARGUMENT"),
        ({"max_price": "1e-999999"}, "INVALID_ARGUMENT"),
        ({"max_price": "five"}, "INVALID_ARGUMENT"),
        ({"max_price": {}}, "INVALID_ARGUMENT"),
        ({"price": "0.01"}, "INVALID_ARGUMENT"),
        ({"user_id": str(uuid4())}, "INVALID_ARGUMENT"),
    ],
)
def test_order_that_makes_no_sense_is_refused_and_moves_nothing(
    alice: httpx.Client, changes: dict[str, Any], code: str
) -> None:
    refusal(alice.post("/api/activations", json=ORDER | changes), 422, code)
    assert wallet(alice) == ("36.00", "0.00", "36.00")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "INVALID_ARGUMENT"),
        (b"{", 400, "INVALID_JSON"),
        (b"service=whatsapp", 400, "INVALID_JSON"),
        (b'{"service": "\xff\xfe", "country": "6"}', 400, "INVALID_JSON"),
        (b'{"service": "\\ud800", "country": "6"}', 400, "INVALID_JSON"),
        (b'{"service": "wa", "country": "6", "max_price": NaN}', 422, "INVALID_ARGUMENT"),
        (b"[]", 400, "INVALID_JSON"),
        (b'"text"', 400, "INVALID_JSON"),
        (b"null", 400, "INVALID_JSON"),
        (b"[" * 60_000, 400, "INVALID_JSON"),
        (b'{"max_price": ' + b"9" * 60_000 + b"}", 400, "INVALID_JSON"),
        (b'{"max_price": ' + b"9" * 1_000 + b"}", 422, "INVALID_ARGUMENT"),
        (b'"' + b"x" * 65_536 + b'"', 413, "BODY_TOO_LARGE"),
    ],
)
def test_body_that_is_no_order_is_refused(alice: httpx.Client, body: bytes, status: int, code: str) -> None:
    refusal(alice.post("/api/activations", content=body), status, code)


def test_body_without_a_length_is_bounded_too(alice: httpx.Client) -> None:
    refusal(alice.post("/api/activations", content=(b" " * 10_000 for _ in range(1_000))), 413, "BODY_TOO_LARGE")


def test_client_that_leaves_amid_its_body_is_no_fault_of_ours(system: System) -> None:
    said = len(system.gateway.output)
    with socket.create_connection(("127.0.0.1", system.port), timeout=10) as connection:
        connection.sendall(
            b"POST /demo/sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 100\r\n\r\n{"
        )
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65_536):
            pass
    assert "Traceback" not in system.gateway.output[said:]


# cancelling


def test_cancel_is_answered_with_the_cancelled_order(alice: httpx.Client) -> None:
    bought = buy(alice)
    answer = alice.post(f"/api/activations/{bought['id']}/cancel")
    assert answer.status_code == 200
    order = answer.json()
    assert (order["status"], order["cancel_requested"]) == ("cancelled", False)
    assert ISO.fullmatch(order["closed_at"])
    again = alice.post(f"/api/activations/{bought['id']}/cancel")
    assert (again.status_code, again.json()) == (200, order)
    assert wallet(alice) == ("36.00", "0.00", "36.00")


def test_early_cancel_is_denied_with_the_seconds_left(alice: httpx.Client, provider: Provider) -> None:
    provider.set_times(early_cancel_s=120)
    bought = buy(alice)
    answer = alice.post(f"/api/activations/{bought['id']}/cancel")
    body = refusal(answer, 409, "EARLY_CANCEL_DENIED")
    assert 100 < body["retry_after_s"] <= 120
    assert answer.headers["retry-after"] == str(body["retry_after_s"])
    assert ISO.fullmatch(body["activation"]["cancel_allowed_at"])
    assert wallet(alice) == ("36.00", "5.00", "31.00")

    provider.set_times(early_cancel_s=0)
    assert alice.post(f"/api/activations/{bought['id']}/cancel").status_code == 200


def test_cancel_is_202_while_the_provider_is_slow(impatient_url: str, system: System, provider: Provider) -> None:
    _, token = system.sign_in()
    with client_of(system.url, token) as client:
        bought = buy(client)
    with client_of(impatient_url, token) as client:
        provider.arm("slow", "setStatus", delay_s=1.5)
        answer = client.post(f"/api/activations/{bought['id']}/cancel")
        assert answer.status_code == 202
        assert answer.json()["cancel_requested"] is True
        assert until_status(client, bought["id"], "cancelled")["cancel_requested"] is False


def test_order_with_its_sms_is_paid_and_cannot_be_cancelled(alice: httpx.Client, provider: Provider) -> None:
    bought = buy(alice, service="whatsapp")
    provider.deliver_sms(bought["phone"], "654321")
    order = until_status(alice, bought["id"], "received")
    assert (order["code"], order["sms"][0]["code"]) == ("654321", "654321")
    assert ISO.fullmatch(order["sms"][0]["received_at"])
    refusal(alice.post(f"/api/activations/{bought['id']}/cancel"), 409, "SMS_ALREADY_RECEIVED")
    assert wallet(alice) == ("31.00", "0.00", "31.00")


def test_failed_order_is_closed_for_cancels(alice: httpx.Client) -> None:
    failed = alice.post("/api/activations", json=ORDER | {"service": "dry"}).json()["activation"]
    refusal(alice.post(f"/api/activations/{failed['id']}/cancel"), 409, "ALREADY_CLOSED")


# looking


def test_orders_come_page_by_page_newest_first(alice: httpx.Client) -> None:
    bought = [buy(alice)["id"] for _ in range(5)]
    found: list[str] = []
    path: str | None = "/api/activations?limit=2"
    while path:
        page = alice.get(path).json()
        found += [order["id"] for order in page["activations"]]
        # As it is: whoever passes `next` on need not know about escapes.
        path = f"/api/activations?limit=2&before={page['next']}" if page["next"] else None
    assert found == bought[::-1]
    assert [order["id"] for order in alice.get("/api/activations").json()["activations"]] == found


def test_order_of_somebody_else_is_as_unknown_as_none(alice: httpx.Client, system: System) -> None:
    hers = buy(alice)["id"]
    nobodys = str(uuid4())
    _, token = system.sign_in()
    with client_of(system.url, token) as bob:
        for method, suffix in (("GET", ""), ("POST", "/cancel")):
            paths = [f"/api/activations/{each}{suffix}" for each in (hers, nobodys)]
            answers = [bob.request(method, path, headers={"x-request-id": "same"}) for path in paths]
            seen, unseen = (refusal(answer, 404, "UNKNOWN_ORDER") for answer in answers)
            assert str(seen).replace(hers, "id") == str(unseen).replace(nobodys, "id")
            for text in ("1", "x" * 300, "%00", "null"):
                refusal(bob.request(method, f"/api/activations/{text}{suffix}"), 404, "UNKNOWN_ORDER")
        assert bob.get("/api/activations").json()["activations"] == []
    assert alice.get(f"/api/activations/{hers}").json()["status"] == "pending"
