"""The id of the request that placed an order: in its events, and in what any process logs about it."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from gateway.auth import Authenticator
from tests.gateway.api import ORDER, client_of, until_status
from tests.gateway.conftest import Provider
from tests.system import JWT_SECRET, Process, System, wait_until
from wallet_db.connect import connect


def lines_with(process: Process | None, request_id: str) -> list[dict[str, Any]]:
    assert process is not None
    return [json.loads(line) for line in process.output.splitlines() if f'"{request_id}"' in line]


def events_after(client: httpx.Client, cursor: str, until: str) -> list[dict[str, Any]]:
    """All there are, once one of this type is among them."""
    found: list[dict[str, Any]] = []
    while until not in {event["type"] for event in found}:
        page = client.get("/realtime/poll", params={"cursor": cursor, "wait": 10}).json()
        found, cursor = found + page["events"], page["cursor"]
    return found


def logged(system: System, order_id: str) -> list[dict[str, Any]]:
    """What system_logs has about the order."""

    async def read() -> list[dict[str, Any]]:
        connection = await connect(system.database_url, "test")
        try:
            rows = await connection.fetch("select data from system_logs where data ->> 'activation_id' = $1", order_id)
            return [json.loads(row[0]) for row in rows]
        finally:
            await connection.close()

    return asyncio.run(read())


def test_events_and_logs_of_an_order_lead_to_its_request(
    system: System, alice: httpx.Client, provider: Provider
) -> None:
    request_id = f"shop/{uuid4()}"
    cursor = alice.get("/realtime/poll").json()["cursor"]
    order = alice.post("/api/activations", json=ORDER, headers={"x-request-id": request_id}).json()
    assert order["request_id"] == request_id
    provider.deliver_sms(order["phone"], "4711")
    until_status(alice, order["id"], "received")

    events = events_after(alice, cursor, "sms.received")
    told = {event["type"]: event["data"].get("request_id") for event in events}
    assert told.pop("balance.changed") is None  # the wallet's; its transaction_id names the order
    assert told == dict.fromkeys(("activation.created", "activation.updated", "sms.received"), request_id)

    def tells_of_sms() -> bool:
        return "sms" in {line["event"] for line in lines_with(system.pollers, request_id)}

    wait_until(tells_of_sms, "the pollers tell of the SMS")
    for process in (system.gateway, system.pollers):
        assert order["id"] in {
            about.rpartition("/")[2]
            for line in lines_with(process, request_id)
            for about in (line.get("about", ""), line.get("activation_id", ""))
        }

    with client_of(system.url, Authenticator(JWT_SECRET).issue(uuid4(), role="admin")) as ann:
        entered = ann.post(f"/api/activations/{order['id']}/sms", json={"code": "4712"})
        assert entered.status_code == 200
    assert [(row["request_id"], "4712" in str(row)) for row in logged(system, order["id"])] == [(request_id, False)]


@pytest.mark.parametrize("path", ["/api/activations", "/api/rentals"])
def test_orders_have_an_id_whether_or_not_one_was_sent(alice: httpx.Client, path: str) -> None:
    order = ORDER | {"service": "whatsapp"} | ({"hours": 4} if "rentals" in path else {})
    answer = alice.post(path, json=order)
    assert answer.status_code == 201
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    # A repeat is another request, and the order is still the first one's.
    key = {"idempotency-key": str(uuid4())}
    first, again = (alice.post(path, json=order, headers=key) for _ in range(2))
    assert first.json()["request_id"] == again.json()["request_id"] == first.headers["x-request-id"]
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
