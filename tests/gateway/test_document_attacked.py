"""Attacks that go over every operation of the document a running gateway serves, so that no new one is forgotten.

Somebody else's ids and places, put wherever an operation takes one, tell nothing and change nothing; what is for
operators refuses everybody else, by any method; every list has an end and a next page. That each operation was decided
about at all: `test_security.py`.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest

from gateway.auth import Authenticator
from tests.gateway.api import ORDER, buy, client_of, new_card, refusal, until_status
from tests.gateway.conftest import Provider
from tests.gateway.test_security import BODIES, bearer
from tests.system import JWT_SECRET, System

CODE = "86420975"
WHOLE_LISTS = {
    "wallet_catalogue",
    "wallet_offers",
    "trade_services",
    "figures_history",
    "figures_live",
    "users_sessions",
}
"""As long as the catalogue, as the caller asks for, or as a user may have connections."""


class Victim(NamedTuple):
    client: httpx.Client
    ids: dict[str, list[str]]
    """By what a path calls them."""
    places: dict[str, list[str]]
    """By what a query or body calls them."""
    secrets: list[str]
    """What nobody else may be told."""

    def state(self) -> list[Any]:
        """All that is theirs; the same before and after."""
        pages = ("/api/activations", "/api/rentals", "/api/strowallet/list-cards", "/api/strowallet/customer")
        pages += ("/api/wallet", "/api/wallet/operations")
        return [self.client.get(path).json() for path in pages]


@pytest.fixture(scope="module")
def paths(system: System) -> dict[str, dict[str, Any]]:
    """The document's."""
    found: dict[str, dict[str, Any]] = httpx.get(f"{system.url}/openapi.json").json()["paths"]
    assert len(found) > 40
    return found


@pytest.fixture
def victim(system: System, provider: Provider) -> Iterator[Victim]:
    """A user with a bit of everything."""
    user_id, token = system.sign_in()
    with client_of(system.url, token) as client:
        served, waiting = buy(client, service="whatsapp"), buy(client)
        rental = client.post("/api/rentals", json=ORDER | {"service": "whatsapp", "hours": 2}).json()
        provider.deliver_sms(served["phone"], CODE)
        served = until_status(client, served["id"], "received")
        orders = [served["id"], waiting["id"], rental["id"]]
        card = new_card(client, "5.00")
        shown = client.get("/api/strowallet/card-details", params={"card_id": card["card_id"]}).json()
        before = client.get("/api/activations?limit=1").json()["next"]
        cursor = client.get("/realtime/poll").json()["cursor"]
        yield Victim(
            client,
            {"activation_id": orders, "rental_id": orders, "order_id": orders, "user_id": [user_id]},
            {
                "before": [before, "100"],
                "card_id": [card["card_id"]],
                "cursor": [cursor, f"{cursor.rpartition('-')[0]}-0"],
                "user_id": [user_id],
            },
            [
                *(*orders, user_id, CODE, card["card_id"], f'"{shown["last4"]}"'),
                *(order["phone"] for order in (served, waiting, rental)),
            ],
        )


def requests_of(
    path: str, method: str, told: dict[str, Any], victim: Victim
) -> Iterator[tuple[str, dict[str, str], Any]]:
    """Addresses, queries and bodies with the victim's names wherever a name may stand."""
    [*names] = re.findall(r"\{(\w+)\}", path)
    addresses = [path]
    for name in names:
        chosen = victim.ids.get(name, ["herosms"])
        addresses = [each.replace(f"{{{name}}}", value) for each in addresses for value in chosen]
    body = None
    if "requestBody" in told:
        schema = told["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        body = dict(BODIES.get(schema, {}))
        body |= {name: values[0] for name, values in victim.places.items() if name in body}
    taken = {each["name"] for each in told.get("parameters", ()) if each["in"] == "query"}
    for address in addresses:
        yield address, {}, body
        for name in taken & victim.places.keys():
            for value in victim.places[name]:
                yield address, {name: value, **({"wait": "0"} if "wait" in taken else {})}, body


def answer_of(client: httpx.Client, method: str, address: str, **asked: Any) -> str:
    """What it says; of a stream without end its first message."""
    with client.stream(method, address, **asked) as answer:
        assert answer.status_code < 500, (method, address, answer.status_code)
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return next(chunk for chunk in answer.iter_text() if "ready" in chunk or "close" in chunk)
        return answer.read().decode()


def test_nobody_is_told_or_moves_what_is_anothers(
    system: System, paths: dict[str, dict[str, Any]], victim: Victim
) -> None:
    before = victim.state()
    asked = 0
    for caller in (bearer(system.token()), {}):
        with httpx.Client(base_url=system.url, timeout=30, trust_env=False, headers=caller) as client:
            for path, methods in paths.items():
                for method, told in methods.items():
                    if method == "get" and path == "/realtime/ws":
                        continue  # the conformance suite's
                    for address, query, body in requests_of(path, method.upper(), told, victim):
                        headers = {"idempotency-key": str(uuid4())}
                        text = answer_of(client, method.upper(), address, params=query, json=body, headers=headers)
                        asked += 1
                        mentioned = address + json.dumps(query) + json.dumps(body)
                        for secret in victim.secrets:
                            assert secret not in text or secret in mentioned, (method, address, text)
    assert asked > 150
    assert victim.state() == before


def test_what_is_for_operators_refuses_everybody_else_by_any_method(
    system: System, paths: dict[str, dict[str, Any]]
) -> None:
    of_operators = {
        path: methods
        for path, methods in paths.items()
        if path.startswith("/api/admin/") or any("operators:" in each["description"] for each in methods.values())
    }
    assert len(of_operators) > 15
    authenticator = Authenticator(JWT_SECRET)
    for path, methods in of_operators.items():
        address = re.sub(r"\{\w+\}", str(uuid4()), path)
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
            told = methods.get("get" if method == "HEAD" else method.lower())
            for role in ("user", "authenticated", "anon", "Admin", "admin ", "operator", "onesms_operator", ""):
                answer = httpx.request(
                    method, system.url + address, headers=bearer(authenticator.issue(uuid4(), role=role))
                )
                if told is not None and "operators:" in told["description"]:
                    assert answer.status_code == 403, (method, path, role)
                elif told is None:
                    assert answer.status_code == 405, (method, path, role)
                if told is None:
                    break  # whoever asks
            if told is not None and method != "HEAD":
                refusal(httpx.request(method, system.url + address), 401, "TOKEN_MISSING")


def test_every_list_is_read_page_by_page(paths: dict[str, dict[str, Any]], system: System) -> None:
    schemas = httpx.get(f"{system.url}/openapi.json").json()["components"]["schemas"]
    lists = set()
    for methods in paths.values():
        for method, told in methods.items():
            given = told["responses"].get("200", {}).get("content", {}).get("application/json")
            if method != "get" or given is None:
                continue
            properties = schemas[given["schema"]["$ref"].rpartition("/")[2]].get("properties", {})
            arrays = {name for name, schema in properties.items() if schema.get("type") == "array"}
            taken = {each["name"] for each in told.get("parameters", ()) if each["in"] == "query"}
            is_of_one = properties.keys() & {"id", "order", "card"}
            if arrays and "cursor" not in taken and not is_of_one:
                lists.add(told["operationId"])
                if {"page", "size"} <= taken:
                    assert {"page", "size", "total"} <= properties.keys(), told["operationId"]
                elif told["operationId"] not in WHOLE_LISTS:
                    assert "limit" in taken, told["operationId"]
                    assert taken & {"before", "after"}, told["operationId"]
                    assert "next" in properties, told["operationId"]
    assert lists >= {
        "activations_listing",
        "rentals_listing",
        "wallet_operations",
        "users_audit",
        "wallet_catalogue",
        "card_listing",
    }
