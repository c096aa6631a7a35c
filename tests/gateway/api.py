"""What the tests of the HTTP API share: a client with a token, the shape of a refusal, and an order bought."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.gateway.customers import customer
from tests.system import wait_until

ORDER = {"service": "none", "country": "indonesia"}
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@contextmanager
def client_of(url: str, token: str) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=url, timeout=30, headers={"authorization": f"Bearer {token}"}, trust_env=False
    ) as client:
        yield client


def refusal(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The body of an error, which has one shape everywhere."""
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert (body["success"], body["error_code"]) == (False, code)
    assert body["message"]
    return body


def wallet(client: httpx.Client) -> tuple[str, str, str]:
    body = client.get("/api/wallet").json()
    return body["balance"], body["frozen"], body["available"]


def buy(client: httpx.Client, **order: Any) -> dict[str, Any]:
    answer = client.post("/api/activations", json=ORDER | order)
    assert answer.status_code == 201, answer.text
    bought: dict[str, Any] = answer.json()
    return bought


def new_card(client: httpx.Client, usd: str = "5.00") -> dict[str, Any]:
    """A card that the simulated provider has made; its user is registered there, if need be."""
    if client.get("/api/strowallet/customer").status_code != 200:
        answer = client.post("/api/strowallet/create-customer", json=customer())
        assert answer.status_code == 201, answer.text
    answer = client.post("/api/strowallet/create-card", json={"name_on_card": "ANN EXAMPLE", "usd": usd})
    assert answer.status_code == 201, answer.text
    card: dict[str, Any] = answer.json()
    return card


def until_status(client: httpx.Client, activation_id: str, status: str) -> dict[str, Any]:
    """The order once it has this status; the gateway is told by events, this test just asks."""
    path = f"/api/activations/{activation_id}"
    wait_until(lambda: client.get(path).json()["status"] == status, f"{path} is {status}")
    order: dict[str, Any] = client.get(path).json()
    return order
