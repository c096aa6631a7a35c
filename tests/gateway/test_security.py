"""Who may what, over all operations at once: a new one that nobody decided about fails here.

Elsewhere: tokens themselves (`test_auth*.py`), large and slow requests (`test_http.py`), bodies (`test_orders.py`), how
many requests (`test_openapi.py`), tokens and codes in logs along a purchase (`test_api.py`).
"""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.api.operation import READING, Access, Operation
from gateway.app import DEMO_OPERATIONS, OPERATIONS
from gateway.auth import Authenticator
from tests.gateway.api import ORDER, buy, refusal
from tests.gateway.customers import CUSTOMER
from tests.system import JWT_SECRET, System
from wallet_db.events import OPERATORS

STATIC = Path(__file__).resolve().parents[2] / "static"
ALL = (*OPERATIONS, *DEMO_OPERATIONS)

DECIDED = {
    Access.PUBLIC: {
        "demo_create_operator", "demo_create_session", "document_docs", "document_openapi", "health_alive",
        "health_ready", "metrics_metrics", "page_admin", "wallet_catalogue",
        "wallet_offers",
    },
    Access.PROVIDER: {
        "card_webhook_hear", "webhooks_hear",
    },
    Access.OPERATOR: {
        "cards_listing", "cards_reconcile", "cards_reconciliations", "cards_show",
        "figures_history", "figures_live", "orders_cancel", "orders_cancel_rental", "orders_close_rental",
        "orders_refund", "orders_refund_rental", "orders_search", "orders_show", "orders_stuck", "served_enter",
        "tokens_revoke", "trade_decide", "trade_decide_service", "trade_price", "trade_routes", "trade_services",
        "users_adjust", "users_audit", "users_deposit", "users_sessions", "users_show", "wallets_alerts",
        "wallets_correct", "wallets_faulty", "wallets_logs",
    },
    Access.USER: {
        "activations_buy", "activations_cancel", "activations_listing", "activations_show", "card_balance",
        "card_details", "card_listing", "card_reveal", "card_transactions", "cards_block", "cards_create", "cards_fund",
        "cards_unblock", "customers_create", "customers_show", "offer_show", "receipts_acknowledge",
        "rentals_cancel", "rentals_extend", "rentals_finish", "rentals_listing", "rentals_rent", "rentals_show",
        "served_check", "served_finish", "served_retry", "stream_poll", "stream_sse", "stream_websocket",
        "tokens_issue_ticket", "tokens_renew", "wallet_operations", "wallet_show",
    },
}  # fmt: skip

BODIES: dict[str, Any] = {
    "NewActivation": ORDER,
    "NewRental": ORDER | {"hours": 4},
    "NewExtension": {"hours": 4},
    "NewCustomer": CUSTOMER,
    "NewCard": {"name_on_card": "ANN EXAMPLE", "usd": "5.00"},
    "NewCardFunding": {"card_id": str(uuid4()), "usd": "5.00"},
    "WhichCard": {"card_id": str(uuid4())},
    "NewReconciliation": {"correct": False},
    "EnteredSms": {"code": "1234"},
    "Renewal": {"token": "x.y.z"},
    "NewRevocation": {"token_id": "nobody's"},
    "Receipt": {"cursor": "x"},
    "NewDemoSession": {},
    "Reasoned": {"reason": "a test"},
    "NewDeposit": {"amount": "1.00", "reason": "a test"},
    "NewAdjustment": {"amount": "-1.00", "reason": "a test"},
    "RouteState": {"provider": "herosms", "service": "none", "country": "usa", "state": None, "reason": "a test"},
    "ServicePrice": {"service": "other", "price": "5.00", "reason": "a test"},
    "ServiceState": {"service": "viber", "state": None, "reason": "a test"},
}
"""What each operation takes."""
ORIGINS_OF_OTHERS = ("https://evil.example", "null", "http://127.0.0.1:1", "")

# A handshake without an upgrade is told so, whoever asks; with one: test_websocket.py.
WITH_TOKEN = [
    each for each in ALL if each.access in (Access.USER, Access.OPERATOR) and "UPGRADE_REQUIRED" not in each.refuses
]
WRITING = [each for each in WITH_TOKEN if each.method not in READING]
OF_ORDERS = [each for each in ALL if "_id}" in each.path and each.access is Access.USER]
OF_OPERATORS = [each for each in ALL if each.access is Access.OPERATOR]


def named(operation: Operation) -> str:
    return operation.name


@pytest.fixture(scope="module")
def client(system: System) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=system.url, timeout=30, trust_env=False) as opened:
        yield opened


def ask(
    client: httpx.Client,
    operation: Operation,
    headers: dict[str, str] | None = None,
    order_id: str = "",
    query: str = "",
) -> httpx.Response:
    """The operation asked for as it should be, but for who asks; of an answer without end the beginning."""
    path = re.sub(r"\{\w+_id\}", order_id or str(uuid4()), operation.path).replace("{provider}", "herosms") + query
    body = BODIES[operation.body.__name__] if operation.body is not None else None
    with client.stream(operation.method, path, headers=headers, json=body) as answer:
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            answer.read()
        return answer


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


# who


def test_every_operation_has_been_decided_about() -> None:
    assert {each.name: each.access for each in ALL} == {
        name: access for access, names in DECIDED.items() for name in names
    }


@pytest.mark.parametrize("operation", WITH_TOKEN, ids=named)
def test_without_a_valid_token_nothing_is_done(system: System, client: httpx.Client, operation: Operation) -> None:
    of_another = Authenticator("another secret of thirty-two bytes").issue(uuid4(), role="admin")
    refusal(ask(client, operation), 401, "TOKEN_MISSING")
    refusal(ask(client, operation, bearer(of_another)), 401, "TOKEN_INVALID")
    refusal(ask(client, operation, bearer(system.token(lifetime_s=-1))), 401, "TOKEN_EXPIRED")
    # And nothing else of the request is looked at: neither is a body read, nor is told which orders there are.
    if operation.method not in READING:
        large = client.request(operation.method, operation.path, content=b"x" * 70_000)
        refusal(large, 401, "TOKEN_MISSING")


@pytest.mark.parametrize("operation", OF_OPERATORS, ids=named)
def test_operators_only_means_their_roles(system: System, client: httpx.Client, operation: Operation) -> None:
    authenticator = Authenticator(JWT_SECRET)
    for role in ("user", "authenticated", "Admin", "admin "):
        refusal(ask(client, operation, bearer(authenticator.issue(uuid4(), role=role))), 403, "OPERATORS_ONLY")
    for role in ("admin", "service_role"):
        assert ask(client, operation, bearer(authenticator.issue(uuid4(), role=role))).status_code not in (401, 403)


def test_tokens_without_the_right_role_are_not_the_operators(client: httpx.Client) -> None:
    token = Authenticator(JWT_SECRET).issue(UUID(OPERATORS))  # whose stream has the alerts
    refusal(client.get("/realtime/poll", headers=bearer(token)), 401, "TOKEN_INVALID")


# pages of other sites


@pytest.mark.parametrize("operation", WITH_TOKEN, ids=named)
def test_cookie_counts_for_our_own_pages_only(system: System, client: httpx.Client, operation: Operation) -> None:
    cookie = {"cookie": f"onesms_token={operators_token(operation, system)}"}
    for origin in ORIGINS_OF_OTHERS:
        refusal(ask(client, operation, cookie | {"origin": origin}), 403, "FOREIGN_ORIGIN")
    ours = ask(client, operation, cookie | {"origin": system.url})
    assert ours.status_code != 403
    assert ours.is_success or ours.json()["error_code"] != "TOKEN_MISSING"


@pytest.mark.parametrize("operation", WRITING, ids=named)
def test_cookie_without_an_origin_changes_nothing(system: System, client: httpx.Client, operation: Operation) -> None:
    cookie = {"cookie": f"onesms_token={operators_token(operation, system)}"}
    refusal(ask(client, operation, cookie), 403, "FOREIGN_ORIGIN")
    refusal(ask(client, operation, cookie | {"sec-fetch-site": "cross-site"}), 403, "FOREIGN_ORIGIN")
    assert ask(client, operation, cookie | {"sec-fetch-site": "same-origin"}).status_code != 403


def operators_token(operation: Operation, system: System) -> str:
    role = "admin" if operation.access is Access.OPERATOR else "user"
    return Authenticator(JWT_SECRET).issue(uuid4(), role=role)


# other users


@pytest.mark.parametrize("operation", OF_ORDERS, ids=named)
def test_orders_of_others_are_as_unknown_as_none(
    system: System, client: httpx.Client, alice: httpx.Client, operation: Operation
) -> None:
    kind = "rentals" if "rental" in operation.path else "activations"
    hers = alice.post("/api/rentals", json=ORDER | {"hours": 4}).json() if kind == "rentals" else buy(alice)
    before = alice.get(f"/api/{kind}/{hers['id']}").json()
    bob = bearer(system.token()) | {"x-request-id": "same"}
    nobodys = str(uuid4())
    seen = ask(client, operation, bob, hers["id"])
    refusal(seen, 404, "UNKNOWN_ORDER")
    unseen = ask(client, operation, bob, nobodys)
    assert seen.text.replace(hers["id"], "id") == unseen.text.replace(nobodys, "id")
    assert dict(seen.headers).keys() == dict(unseen.headers).keys()
    assert alice.get(f"/api/{kind}/{hers['id']}").json() == before
    # As the other kind of order it is as unknown to its owner.
    if operation.method in READING:
        other = "activations" if kind == "rentals" else "rentals"
        refusal(alice.get(f"/api/{other}/{hers['id']}"), 404, "UNKNOWN_ORDER")


def test_lists_and_streams_are_the_caller_s_whatever_place_is_named(
    system: System, client: httpx.Client, alice: httpx.Client
) -> None:
    for _ in range(2):
        buy(alice)
    page = alice.get("/api/activations?limit=1").json()
    polled = alice.get("/realtime/poll").json()
    bob = bearer(system.token())
    assert client.get("/api/activations", params={"before": page["next"]}, headers=bob).json()["activations"] == []
    assert client.get("/api/wallet/operations", params={"before": 100}, headers=bob).json()["operations"] == []
    his = client.get("/realtime/poll", params={"cursor": polled["cursor"], "wait": 0}, headers=bob).json()
    assert (his["resumed"], his["snapshot"]["activations"], his["events"]) == (False, [], [])
    refusal(client.post("/realtime/ack", json={"cursor": polled["cursor"]}, headers=bob), 422, "INVALID_ARGUMENT")


def test_keys_of_others_replay_nothing(system: System, client: httpx.Client, alice: httpx.Client) -> None:
    key = {"idempotency-key": f"shared {uuid4()}"}
    hers = alice.post("/api/activations", json=ORDER, headers=key).json()
    _, token = system.sign_in()
    his = client.post("/api/activations", json=ORDER, headers=bearer(token) | key)
    assert his.status_code == 201
    assert his.json()["id"] != hers["id"]
    assert "idempotent-replay" not in his.headers


# headers


def policies(answer: httpx.Response) -> dict[str, list[str]]:
    parts = [part.split() for part in answer.headers["content-security-policy"].split(";")]
    return {name: values for name, *values in parts}


def is_guarded(answer: httpx.Response) -> None:
    policy = policies(answer)
    assert policy["default-src"] == ["'self'"]
    assert policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("operation", ALL, ids=named)
def test_every_answer_is_guarded(system: System, client: httpx.Client, operation: Operation) -> None:
    for headers in ({}, bearer(system.token())):
        answer = ask(client, operation, headers)
        is_guarded(answer)
        if operation.access is not Access.PUBLIC or not answer.is_success:
            assert answer.headers["cache-control"].startswith("no-store")
        assert "server" not in answer.headers


def test_answers_of_no_operation_are_guarded_as_well(client: httpx.Client) -> None:
    for method, path, headers in (
        ("GET", "/", {}),
        ("GET", "/app.js", {}),
        ("GET", "/docs/docs.js", {}),
        ("GET", "/nothing", {}),
        ("GET", "/%00", {}),
        ("DELETE", "/api/wallet", {}),
        ("TRACE", "/api/wallet", {}),
        ("GET", "/", {"x-padding": "x" * 70_000}),
        ("GET", "/elsewhere", {"connection": "upgrade", "upgrade": "websocket"}),
        ("GET", "/realtime/ws", {"connection": "upgrade", "upgrade": "websocket"}),  # without a key
    ):
        is_guarded(client.request(method, path, headers=headers))
    host = (client.base_url.host, client.base_url.port or 80)
    with socket.create_connection(host, timeout=10) as connection:
        connection.sendall(b"no HTTP at all\r\n\r\n")
        assert b"content-security-policy: default-src 'self';" in connection.recv(65_536)


@pytest.mark.parametrize("page", ["index.html", "docs.html", "admin.html"])
def test_pages_need_nothing_inline_and_nothing_from_elsewhere(page: str) -> None:
    html = (STATIC / page).read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", html)
    assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", html)


def test_scripts_make_no_markup_of_texts() -> None:
    for path in STATIC.rglob("*.js"):
        if "tests" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function\(", text), (
            path
        )
        assert not re.search(r"""(?:import|fetch|from)\s*\(?\s*["'](?:https?:)?//""", text), path


# logs


def test_no_token_of_an_address_is_logged(system: System, client: httpx.Client) -> None:
    """Whatever is asked for with it, and whether it counts or not."""
    token = system.token()
    secrets = {token, token.rpartition(".")[2]}
    for operation in ALL:
        ask(client, operation, query=f"?access_token={token}")
        ask(client, operation, query=f"?ticket={token}&access_token={token}x")
        ask(client, operation, {"referer": f"{system.url}/?access_token={token}"})
    client.request("BREW", f"/api/wallet?access_token={token}")
    client.get(f"/nothing/{token[:20]}?access_token={token}", headers={"x-padding": "x" * 70_000})
    with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=10) as connection:
        connection.sendall(f"GET /api/wallet?access_token={token} HTTP/9.9\r\n\r\n".encode())
        connection.recv(65_536)
    for process in system.processes:
        for secret in secrets:
            assert secret not in process.output
