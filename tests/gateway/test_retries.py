"""Second chances over HTTP: how they are asked for, and what is told when one is taken."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.conftest import execute
from tests.gateway.api import ORDER, buy, refusal, until_status, wallet
from tests.system import System


def set_waiting_arms(system: System, arms: str) -> None:
    asyncio.run(execute(system.database_url, f"select set_waiting_arms('{ORDER['service']}', {arms}, 'test')"))


def test_an_order_without_an_sms_is_followed_by_another(alice: httpx.Client, system: System) -> None:
    set_waiting_arms(system, """'[{"arm": "hasty", "wait_s": 2}]'""")
    try:
        first = buy(alice, retry_on_timeout={"countries": ["22"]})
    finally:
        set_waiting_arms(system, "null")
    assert first["retry_on_timeout"] == {"countries": ["indonesia", "india"]}
    assert (first["retry_of"], first["retried_by"], first["retry_refused"]) == (None, None, None)
    assert first["waits_until"] < first["expires_at"]
    cursor = alice.get("/realtime/poll").json()["cursor"]
    ended = until_status(alice, first["id"], "timeout")
    again = until_status(alice, ended["retried_by"], "pending")
    assert (again["retry_of"], again["country"]) == (first["id"], "india")
    assert again["waits_until"] == again["expires_at"]
    assert wallet(alice) == ("36.00", "5.00", "31.00")

    events = alice.get("/realtime/poll", params={"cursor": cursor, "wait": 0}).json()["events"]
    told = {(event["type"], event["data"]["id"]): event["data"] for event in reversed(events) if "id" in event["data"]}
    assert told["activation.updated", first["id"]]["retried_by"] == again["id"]
    assert told["activation.created", again["id"]]["retry_of"] == first["id"]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({}, None),
        ({"retry_on_timeout": None}, None),
        ({"retry_on_timeout": False}, None),
        ({"retry_on_timeout": True}, {"countries": ["indonesia"]}),
        ({"retry_on_timeout": {}}, {"countries": ["indonesia"]}),
        ({"retry_on_timeout": {"countries": ["india", 22, "6"]}}, {"countries": ["indonesia", "india"]}),
    ],
)
def test_whether_and_where_is_part_of_the_order(
    alice: httpx.Client, said: dict[str, Any], shown: dict[str, Any] | None
) -> None:
    assert buy(alice, **said)["retry_on_timeout"] == shown


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ("yes", "INVALID_ARGUMENT"),
        (1, "INVALID_ARGUMENT"),
        (["india"], "INVALID_ARGUMENT"),
        ({"country": "india"}, "INVALID_ARGUMENT"),
        ({"countries": "india"}, "INVALID_ARGUMENT"),
        ({"countries": [None]}, "INVALID_ARGUMENT"),
        ({"countries": ["india"] * 11}, "INVALID_ARGUMENT"),
        ({"countries": ["atlantis"]}, "UNKNOWN_COUNTRY"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_and_moves_nothing(alice: httpx.Client, wish: object, code: str) -> None:
    refusal(alice.post("/api/activations", json=ORDER | {"retry_on_timeout": wish}), 422, code)
    assert wallet(alice) == ("36.00", "0.00", "36.00")


def test_the_same_key_with_another_wish_is_another_order(alice: httpx.Client, system: System) -> None:
    key = {"Idempotency-Key": "one"}
    first = alice.post("/api/activations", json=ORDER | {"retry_on_timeout": True}, headers=key).json()
    assert alice.post("/api/activations", json=ORDER | {"retry_on_timeout": True}, headers=key).json() == first
    unsaid = alice.post("/api/activations", json=ORDER, headers=key)
    assert refusal(unsaid, 409, "IDEMPOTENCY_MISMATCH")["field"] == "body"
    other = alice.post("/api/activations", json=ORDER | {"retry_on_timeout": False}, headers=key)
    assert refusal(other, 409, "IDEMPOTENCY_MISMATCH")["field"] == "retry_on_timeout"
