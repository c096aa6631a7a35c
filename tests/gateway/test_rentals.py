"""Rentals over HTTP: rented, read, extended and given back, with a simulated provider behind."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.gateway.api import ISO, client_of, refusal, wallet
from tests.gateway.conftest import Provider
from tests.system import System, wait_until

RENTAL = {"service": "whatsapp", "country": "indonesia", "hours": 4}
"""At 1.50 an hour, the demo's price."""


@pytest.fixture
def back(provider: Provider) -> Iterator[Provider]:
    """The provider; rentals can be given back again afterwards."""
    yield provider
    provider.set_times(rental_cancel_s=1200)


def rent(client: httpx.Client, **changes: Any) -> dict[str, Any]:
    answer = client.post("/api/rentals", json=RENTAL | changes)
    assert answer.status_code == 201, answer.text
    rented: dict[str, Any] = answer.json()
    return rented


def test_a_rental_is_answered_with_the_number(alice: httpx.Client) -> None:
    answer = alice.post("/api/rentals", json=RENTAL | {"max_price": "6.00"}, headers={"Idempotency-Key": "a"})
    assert answer.status_code == 201
    rental = answer.json()
    assert answer.headers["location"] == f"/api/rentals/{rental['id']}"
    assert (rental["status"], rental["hours"], rental["price"], rental["sms"]) == ("active", 4, "6.00", [])
    assert rental["phone"].startswith("62")
    assert ISO.fullmatch(rental["ends_at"])
    assert alice.get(f"/api/rentals/{rental['id']}").json() == rental
    assert alice.get("/api/rentals").json() == {"rentals": [rental], "next": None}
    again = alice.post("/api/rentals", json=RENTAL | {"max_price": "6.00"}, headers={"Idempotency-Key": "a"})
    assert (again.json(), again.headers["idempotent-replay"]) == (rental, "true")
    assert wallet(alice) == ("36.00", "6.00", "30.00")


def test_every_sms_is_shown_and_told(alice: httpx.Client, provider: Provider) -> None:
    rental = rent(alice)
    cursor = alice.get("/realtime/poll").json()["cursor"]
    upstream = provider.control.get("/sim/rentals").json()["rentals"]
    id_ = next(row["id"] for row in upstream if row["phone"] == rental["phone"])
    for number in range(2):
        provider.control.post(f"/sim/rentals/{id_}/sms", json={"text": f"code {number}"}).raise_for_status()
    path = f"/api/rentals/{rental['id']}"
    wait_until(lambda: len(alice.get(path).json()["sms"]) == 2, "two SMS are shown")

    def told() -> list[dict[str, Any]]:
        events = alice.get("/realtime/poll", params={"cursor": cursor, "wait": 0}).json()["events"]
        return [event["data"] for event in events if event["type"] == "sms.received"]

    wait_until(lambda: len(told()) == 2, "two SMS are told")
    assert [(sms["rental_id"], sms["text"]) for sms in told()] == [(rental["id"], "code 0"), (rental["id"], "code 1")]
    snapshot = alice.get("/realtime/poll").json()["snapshot"]
    assert snapshot["rentals"] == [alice.get(path).json()]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"service": "nothing"}, "UNKNOWN_SERVICE"),
        ({"country": "atlantis"}, "UNKNOWN_COUNTRY"),
        ({"hours": 1}, "INVALID_HOURS"),
        ({"hours": -4}, "INVALID_HOURS"),
        ({"hours": 1345}, "INVALID_HOURS"),
        ({"hours": 10**30}, "INVALID_HOURS"),
        ({"max_price": "5.99"}, "PRICE_ABOVE_LIMIT"),
        ({"hours": "4"}, "INVALID_ARGUMENT"),
        ({"hours": 4.5}, "INVALID_ARGUMENT"),
        ({"hours": True}, "INVALID_ARGUMENT"),
        ({"hours": None}, "INVALID_ARGUMENT"),
        ({"max_price": "NaN"}, "INVALID_ARGUMENT"),
        ({"price": "1.00"}, "INVALID_ARGUMENT"),
    ],
)
def test_what_makes_no_sense_is_refused_and_moves_nothing(
    alice: httpx.Client, changes: dict[str, Any], code: str
) -> None:
    refusal(alice.post("/api/rentals", json=RENTAL | changes), 422, code)
    assert wallet(alice) == ("36.00", "0.00", "36.00")


def test_no_funds_and_no_numbers_leave_the_money(alice: httpx.Client) -> None:
    refusal(alice.post("/api/rentals", json=RENTAL | {"hours": 25}), 402, "INSUFFICIENT_FUNDS")
    body = refusal(alice.post("/api/rentals", json=RENTAL | {"service": "dry"}), 409, "NO_NUMBERS")
    assert body["rental"]["status"] == "failed"
    assert wallet(alice) == ("36.00", "0.00", "36.00")


def test_an_extension_is_answered_with_the_later_end(alice: httpx.Client) -> None:
    rental = rent(alice)
    path = f"/api/rentals/{rental['id']}/extend"
    answer = alice.post(path, json={"hours": 2}, headers={"Idempotency-Key": "more"})
    assert answer.status_code == 200, answer.text
    extended = answer.json()
    assert (extended["hours"], extended["price"], extended["extension"]["status"]) == (6, "9.00", "extended")
    assert extended["ends_at"] > rental["ends_at"]
    again = alice.post(path, json={"hours": 2}, headers={"Idempotency-Key": "more"})
    assert (again.status_code, again.json()) == (200, extended)
    assert wallet(alice) == ("36.00", "9.00", "27.00")
    refusal(alice.post(path, json={"hours": 1344}), 422, "INVALID_HOURS")
    refusal(alice.post(path, json={}), 422, "INVALID_ARGUMENT")


def test_a_refused_extension_costs_nothing(alice: httpx.Client, provider: Provider) -> None:
    rental = rent(alice)
    provider.control.post("/sim/settings", json={"balance": "0.00"}).raise_for_status()
    try:
        answer = alice.post(f"/api/rentals/{rental['id']}/extend", json={"hours": 2})
        body = refusal(answer, 409, "EXTENSION_REFUSED")
    finally:
        provider.control.post("/sim/settings", json={"balance": "10000.00"}).raise_for_status()
    assert body["rental"]["extension"]["error_code"] == "PROVIDER_ACCOUNT_PROBLEM"
    assert wallet(alice) == ("36.00", "6.00", "30.00")


def test_a_rental_is_given_back_in_time(alice: httpx.Client, back: Provider) -> None:
    rental = rent(alice)
    back.set_times(rental_cancel_s=0)
    path = f"/api/rentals/{rental['id']}/cancel"
    refusal(alice.post(path), 409, "CANCEL_TOO_LATE")
    back.set_times(rental_cancel_s=1200)
    answer = alice.post(path)
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert alice.post(path).json() == answer.json()
    assert wallet(alice) == ("36.00", "0.00", "36.00")
    refusal(alice.post(f"/api/rentals/{rental['id']}/finish"), 409, "ALREADY_CLOSED")
    refusal(alice.post(f"/api/rentals/{rental['id']}/extend", json={"hours": 2}), 409, "NOT_EXTENDABLE")


def test_a_finished_rental_is_paid(alice: httpx.Client) -> None:
    rental = rent(alice)
    answer = alice.post(f"/api/rentals/{rental['id']}/finish")
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert wallet(alice) == ("30.00", "0.00", "30.00")
    refusal(alice.post(f"/api/rentals/{rental['id']}/cancel"), 409, "ALREADY_CLOSED")


def test_a_slow_provider_is_not_waited_for(impatient_url: str, system: System, provider: Provider) -> None:
    _, token = system.sign_in()
    with client_of(impatient_url, token) as client:
        provider.arm("slow", "getRentNumber", delay_s=1.5)
        answer = client.post("/api/rentals", json=RENTAL)
        assert (answer.status_code, answer.json()["status"]) == (202, "ordering")
        path = f"/api/rentals/{answer.json()['id']}"
        wait_until(lambda: client.get(path).json()["status"] == "active", "it is rented")
        provider.arm("slow", "continueRentNumber", delay_s=1.5)
        asked = client.post(f"{path}/extend", json={"hours": 2})
        assert (asked.status_code, asked.json()["extension"]["status"]) == (202, "requested")
        refusal(client.post(f"{path}/extend", json={"hours": 2}), 409, "NOT_EXTENDABLE")
        for end in ("finish", "cancel"):
            refusal(client.post(f"{path}/{end}"), 409, "EXTENSION_PENDING")
        wait_until(lambda: client.get(path).json()["hours"] == 6, "it is extended")


def test_somebody_elses_rental_is_unknown(alice: httpx.Client, system: System) -> None:
    hers = rent(alice)["id"]
    _, token = system.sign_in()
    with client_of(system.url, token) as bob:
        for method, suffix in (("GET", ""), ("POST", "/cancel"), ("POST", "/finish"), ("POST", "/extend")):
            for each in (hers, str(uuid4()), "1"):
                answer = bob.request(method, f"/api/rentals/{each}{suffix}", json={"hours": 2})
                refusal(answer, 404, "UNKNOWN_ORDER")
        assert bob.get("/api/rentals").json()["rentals"] == []


def test_rentals_come_page_by_page(alice: httpx.Client) -> None:
    rented = [rent(alice)["id"] for _ in range(3)]
    first = alice.get("/api/rentals?limit=2").json()
    second = alice.get(f"/api/rentals?limit=2&before={first['next']}").json()
    found = [rental["id"] for page in (first, second) for rental in page["rentals"]]
    assert (found, second["next"]) == (rented[::-1], None)
    refusal(alice.get("/api/rentals?before=x"), 400, "BAD_REQUEST")


@pytest.mark.parametrize("country", ["germany", "england", "usa"])
def test_the_demo_rents_where_numbers_are_dear(alice: httpx.Client, country: str) -> None:
    answer = alice.post("/api/rentals", json={"service": "whatsapp", "country": country, "hours": 2})
    assert (answer.status_code, answer.json()["status"]) == (201, "active"), answer.text


def test_what_is_for_rent_and_where_is_in_the_catalogue(alice: httpx.Client, system: System) -> None:
    rent(alice)  # so a poller has been at its accounts
    catalogue = httpx.get(f"{system.url}/api/services").json()
    [whatsapp] = [rental for rental in catalogue["rentals"] if rental["service"] == "whatsapp"]
    assert (whatsapp["title"], whatsapp["price_hour"]) == ("WhatsApp", "1.50")
    assert "indonesia" in whatsapp["countries"]
    assert set(whatsapp["countries"]) <= {country["country"] for country in catalogue["countries"]}
