"""The operators' side of the API on the real system: what they find, what they see of an order, what they may move.

Who may call at all: `test_security.py`, for every operation. The page: `tests/test_admin_page.py`.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import BaseModel
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as connect_websocket

from gateway.api.admin import shapes
from gateway.api.admin.explained import explain
from gateway.auth import Authenticator
from gateway.realtime.close_codes import TOKEN_REVOKED
from tests.conftest import execute
from tests.gateway.api import ORDER, buy, client_of, refusal, wallet
from tests.gateway.conftest import Provider
from tests.gateway.support import own_gateway
from tests.system import JWT_SECRET, System, wait_until
from tests.wallet_db.logins import login
from wallet_db.connect import connect
from wallet_db.events import OPERATORS
from wallet_db.revocations import token_id_of
from wallet_db.roles import GATEWAY, OPERATOR

ANN = uuid4()
"""An operator."""


@pytest.fixture
def ann(system: System) -> Iterator[httpx.Client]:
    with client_of(system.url, Authenticator(JWT_SECRET).issue(ANN, role="admin")) as client:
        yield client


def shaped(answer: httpx.Response, model: type[BaseModel]) -> Any:
    assert answer.status_code == 200, answer.text
    return model.model_validate_json(answer.content)


def user_of(client: httpx.Client) -> str:
    token = client.headers["authorization"].removeprefix("Bearer ")
    return str(Authenticator(JWT_SECRET).session_of(token).user_id)


def fetch(system: System, query: str, *arguments: object) -> list[tuple[Any, ...]]:
    async def read() -> list[tuple[Any, ...]]:
        connection = await connect(system.database_url, "test")
        try:
            return [tuple(row) for row in await connection.fetch(query, *arguments)]
        finally:
            await connection.close()

    return asyncio.run(read())


def key() -> dict[str, str]:
    return {"idempotency-key": str(uuid4())}


# finding


def test_order_is_found_by_whatever_names_it(ann: httpx.Client, alice: httpx.Client, system: System) -> None:
    order = buy(alice)
    [(upstream,)] = fetch(system, "select provider_order_id from activations where id = $1", UUID(order["id"]))
    for word in (
        order["id"],
        order["id"][:8],
        order["id"][:13].upper(),
        order["phone"],
        "+" + order["phone"],
        order["phone"][-7:],
        upstream,
        user_of(alice),
    ):
        found = shaped(ann.get("/api/admin/search", params={"q": word}), shapes.Found)
        assert str(found.orders[0].id) == order["id"], word
    assert str(found.users[0].id) == user_of(alice)
    nothing = shaped(ann.get("/api/admin/search", params={"q": "no such thing"}), shapes.Found)
    assert (nothing.orders, nothing.users, nothing.next) == ([], [], None)


def test_pages_of_a_search_miss_and_repeat_nothing(ann: httpx.Client, alice: httpx.Client) -> None:
    bought = [buy(alice)["id"] for _ in range(3)]
    bought.append(alice.post("/api/rentals", json=ORDER | {"service": "whatsapp", "hours": 4}).json()["id"])
    walked, before = [], None
    while True:
        query: dict[str, Any] = {"q": user_of(alice), "limit": 1} | ({"before": before} if before else {})
        page = ann.get("/api/admin/search", params=query).json()
        walked += [order["id"] for order in page["orders"]]
        before = page["next"]
        if before is None:
            break
    assert walked == bought[::-1]


# an order


def test_timeline_of_a_served_order_has_all_of_it(
    ann: httpx.Client, alice: httpx.Client, provider: Provider, system: System
) -> None:
    order = buy(alice, service="whatsapp")
    provider.deliver_sms(order["phone"], "135-790")
    wait_until(lambda: alice.get(f"/api/activations/{order['id']}").json()["code"] is not None, "the SMS is there")
    page = alice.get("/realtime/poll").json()
    assert alice.post("/realtime/ack", json={"cursor": page["cursor"]}).status_code == 204
    answer = ann.get(f"/api/admin/orders/{order['id']}")
    shown = shaped(answer, shapes.OrderDetail)
    happened = [(entry.kind, entry.what) for entry in shown.timeline]
    assert [entry.at for entry in shown.timeline] == sorted(entry.at for entry in shown.timeline)
    for expected in (
        ("event", "activation.created"),
        ("operation", "freeze"),
        ("provider", "sms_activate"),
        ("sms", "with a code"),
        ("event", "sms.received"),
        ("event", "activation.updated"),
        ("operation", "commit"),
    ):
        assert expected in happened, expected
    freeze = next(entry for entry in shown.timeline if entry.what == "freeze")
    assert (freeze.detail["amount"], freeze.detail["actor"].partition(":")[0]) == ("5.00", "onesms_gateway")
    asked = next(entry for entry in shown.timeline if entry.kind == "provider")
    assert asked.detail["outcome"] == "sold"
    assert "135-790" not in answer.text  # operators see that a code came, not which
    assert (shown.may_cancel, shown.may_refund) == (False, False)


def test_what_a_provider_was_asked_stands_in_the_timeline(
    ann: httpx.Client, alice: httpx.Client, provider: Provider
) -> None:
    order = buy(alice)
    provider.set_times(early_cancel_s=3600)
    refusal(alice.post(f"/api/activations/{order['id']}/cancel"), 409, "EARLY_CANCEL_DENIED")
    provider.set_times(early_cancel_s=0)
    assert alice.post(f"/api/activations/{order['id']}/cancel").json()["status"] == "cancelled"

    def calls() -> list[tuple[str, str, str]]:
        shown = shaped(ann.get(f"/api/admin/orders/{order['id']}"), shapes.OrderDetail)
        return [
            (entry.what, entry.detail["method"], entry.detail["outcome"])
            for entry in shown.timeline
            if entry.kind == "call"
        ]

    wait_until(lambda: len(calls()) == 2, "both are written")
    assert calls() == [("sms_activate", "cancel", "too_early"), ("sms_activate", "cancel", "cancelled")]


def test_receipt_stands_in_the_timeline(ann: httpx.Client, alice: httpx.Client, provider: Provider) -> None:
    order = buy(alice, service="whatsapp")
    cursor = alice.get("/realtime/poll").json()["cursor"]
    provider.deliver_sms(order["phone"], "4711")
    seen = alice.get("/realtime/poll", params={"cursor": cursor, "wait": 10}).json()["events"]
    [sms] = [event for event in seen if event["type"] == "sms.received"]
    assert alice.post("/realtime/ack", json={"cursor": sms["cursor"]}).status_code == 204
    shown = shaped(ann.get(f"/api/admin/orders/{order['id']}"), shapes.OrderDetail)
    [receipt] = [entry for entry in shown.timeline if entry.kind == "receipt"]
    assert (receipt.what, receipt.detail["transport"]) == ("sms.received", "http")


def test_refund_gives_the_money_back_once_and_says_who_and_why(
    ann: httpx.Client, alice: httpx.Client, system: System
) -> None:
    order = buy(alice)
    assert wallet(alice) == ("36.00", "5.00", "31.00")
    path = f"/api/admin/activations/{order['id']}/refund"
    refusal(ann.post(path, json={"reason": "  "}), 422, "INVALID_ARGUMENT")
    for _ in range(2):
        answer = ann.post(path, json={"reason": "ticket 12"})
        assert answer.status_code == 200, answer.text
        assert (answer.json()["status"], answer.json()["error_code"]) == ("cancelled", "REFUNDED_BY_OPERATOR")
    assert wallet(alice) == ("36.00", "0.00", "36.00")
    moved = fetch(system, "select type, actor, reason from balance_operations where activation_id = $1 order by number",
                  UUID(order["id"]))  # fmt: skip
    assert [each[:2] for each in moved] == [("freeze", "onesms_gateway"), ("refund", f"onesms_operator:{ANN}")]
    assert moved[-1][2] == "ticket 12"
    shown = shaped(ann.get(f"/api/admin/orders/{order['id']}"), shapes.OrderDetail)
    [logged] = [entry for entry in shown.timeline if entry.kind == "log"]
    assert (logged.detail["reason"], logged.detail["actor"]) == ("ticket 12", f"onesms_operator:{ANN}")
    assert (shown.reasons, shown.may_refund) == ([], False)


def test_served_order_is_not_refunded_nor_cancelled(ann: httpx.Client, alice: httpx.Client, provider: Provider) -> None:
    order = buy(alice, service="whatsapp")
    provider.deliver_sms(order["phone"], "1")
    wait_until(lambda: alice.get(f"/api/activations/{order['id']}").json()["status"] == "received", "it is served")
    for what in ("refund", "cancel"):
        answer = ann.post(f"/api/admin/activations/{order['id']}/{what}", json={"reason": "x"})
        refusal(answer, 409, "SMS_ALREADY_RECEIVED")
    assert wallet(alice)[0] == "31.00"


def test_cancel_asks_the_provider(ann: httpx.Client, alice: httpx.Client) -> None:
    order = buy(alice)
    answer = ann.post(f"/api/admin/activations/{order['id']}/cancel", json={"reason": "asked by phone"})
    assert answer.status_code == 202, answer.text
    wait_until(lambda: alice.get(f"/api/activations/{order['id']}").json()["status"] == "cancelled", "it is cancelled")
    assert wallet(alice) == ("36.00", "0.00", "36.00")


STANDING: dict[str, Any] = {
    "kind": "activation", "status": "pending", "closed_at": None, "overdue_s": 300, "provider": "herosms",
    "purchase_started_at": None, "last_outcome": None, "attempts": 1, "expires_at": "2026-11-21T16:20:00.000Z",
    "cancel_requested_at": None, "cancel_allowed_at": None, "purchased_s": None, "is_past_end": False,
}  # fmt: skip


def test_standing_orders_are_explained() -> None:
    why = explain(STANDING)
    assert "Nobody has looked at it for 5 min" in why.reasons[0]
    assert why.reasons[1] == "herosms has sold a number and no SMS has come; it lives until 2026-11-21 16:20:00 UTC."
    assert (why.may_cancel, why.may_refund, why.may_close) == (True, True, False)
    over = explain(STANDING | {"overdue_s": 2, "is_past_end": True})
    assert "Its time was over at 2026-11-21 16:20:00 UTC" in over.reasons[0]
    begun = explain(STANDING | {"status": "ordering", "purchase_started_at": STANDING["expires_at"], "overdue_s": 2})
    [reason] = begun.reasons
    assert reason.startswith(
        "A purchase was begun with herosms at 2026-11-21 16:20:00 UTC and its outcome is not known"
    )
    tried = explain(STANDING | {"status": "ordering", "last_outcome": "NO_NUMBERS", "attempts": 3, "overdue_s": 2})
    assert tried.reasons == [
        "No number has been bought yet; providers were asked 3 times; the last answer was NO_NUMBERS."
    ]
    asked = explain(STANDING | {"cancel_requested_at": STANDING["expires_at"]})
    assert (asked.may_cancel, asked.may_refund) == (False, True)
    assert "has not confirmed" in asked.reasons[-1]
    assert explain(STANDING | {"closed_at": "now"}).reasons == []


def test_rentals_are_explained_too() -> None:
    rental = STANDING | {"kind": "rental", "status": "active", "overdue_s": 2, "purchased_s": 60}
    young = explain(rental)
    assert young.reasons == ["The rental runs until 2026-11-21 16:20:00 UTC."]
    assert (young.may_cancel, young.may_refund, young.may_close) == (True, True, True)
    old = explain(rental | {"purchased_s": 3_600, "is_past_end": True})
    assert "has not been ended" in old.reasons[0]
    assert (old.may_cancel, old.may_refund, old.may_close) == (False, True, True)
    begun = explain(rental | {"status": "ordering", "purchased_s": None})
    assert (begun.may_cancel, begun.may_refund, begun.may_close) == (True, True, False)


def test_stuck_orders_of_both_kinds_are_listed_with_the_reason(
    ann: httpx.Client, alice: httpx.Client, system: System
) -> None:
    order = buy(alice, service="none")
    rental = alice.post("/api/rentals", json=ORDER | {"service": "whatsapp", "hours": 4}).json()
    # Past their end, and leased to somebody who does not come back for an hour.
    asyncio.run(
        execute(
            system.database_url,
            f"""
            update activations set expires_at = now() - interval '5 minutes', due_at = now() + interval '1 hour'
             where id = '{order["id"]}';
            update rentals set ends_at = now() - interval '5 minutes', due_at = now() + interval '1 hour'
             where id = '{rental["id"]}'""",  # noqa: S608
        )
    )
    stuck = {str(each.id): each.why for each in shaped(ann.get("/api/admin/orders/stuck"), shapes.StuckOrders).orders}
    assert "Its time was over" in (stuck[order["id"]] or "")
    assert "has not been ended" in (stuck[rental["id"]] or "")
    assert shaped(ann.get("/api/admin/live"), shapes.Live).orders_stuck >= 2
    for kind, each in (("activations", order), ("rentals", rental)):
        assert ann.post(f"/api/admin/{kind}/{each['id']}/refund", json={"reason": "ticket 12"}).status_code == 200
    left = {str(each.id) for each in shaped(ann.get("/api/admin/orders/stuck"), shapes.StuckOrders).orders}
    assert not left & {order["id"], rental["id"]}


def test_rental_is_cancelled_refunded_and_closed(ann: httpx.Client, alice: httpx.Client) -> None:
    def rent() -> str:
        rented = alice.post("/api/rentals", json=ORDER | {"service": "whatsapp", "hours": 4})
        assert rented.status_code == 201, rented.text
        return str(rented.json()["id"])

    start = wallet(alice)
    refunded = rent()
    assert shaped(ann.get(f"/api/admin/orders/{refunded}"), shapes.OrderDetail).may_close
    refusal(ann.post(f"/api/admin/rentals/{refunded}/refund", json={}), 422, "INVALID_ARGUMENT")
    answer = ann.post(f"/api/admin/rentals/{refunded}/refund", json={"reason": "ticket 12"})
    assert (answer.status_code, answer.json()["error_code"]) == (200, "REFUNDED_BY_OPERATOR")
    assert wallet(alice) == start
    shown = shaped(ann.get(f"/api/admin/orders/{refunded}"), shapes.OrderDetail)
    assert [entry.what for entry in shown.timeline if entry.kind == "log"] == ["an operator refunded a rental"]
    refusal(ann.post(f"/api/admin/rentals/{refunded}/close", json={"reason": "x"}), 409, "ALREADY_CLOSED")

    asked = rent()
    answer = ann.post(f"/api/admin/rentals/{asked}/cancel", json={"reason": "asked by phone"})
    assert answer.status_code == 202, answer.text
    wait_until(lambda: alice.get(f"/api/rentals/{asked}").json()["status"] == "cancelled", "the provider has agreed")
    assert wallet(alice) == start

    closed = rent()
    answer = ann.post(f"/api/admin/rentals/{closed}/close", json={"reason": "asked by phone"})
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert wallet(alice)[1] == "0.00"
    assert wallet(alice)[0] < start[0]


# money by hand


def test_money_moves_once_under_a_key(ann: httpx.Client, alice: httpx.Client, system: System) -> None:
    path, headers = f"/api/admin/users/{user_of(alice)}", key()
    body = {"amount": "10.00", "reason": "paid by transfer"}
    refusal(ann.post(f"{path}/deposit", json=body), 400, "BAD_REQUEST")
    first = ann.post(f"{path}/deposit", json=body, headers=headers)
    again = ann.post(f"{path}/deposit", json=body, headers=headers)
    assert shaped(first, shapes.Moved) == shaped(again, shapes.Moved)
    assert ("idempotent-replay" in first.headers, again.headers["idempotent-replay"]) == (False, "true")
    assert wallet(alice) == ("46.00", "0.00", "46.00")
    other = ann.post(f"{path}/deposit", json=body | {"amount": "11.00"}, headers=headers)
    refusal(other, 409, "IDEMPOTENCY_MISMATCH")
    down = {"amount": "-46.00", "reason": "charged back"}
    assert shaped(ann.post(f"{path}/adjust", json=down, headers=key()), shapes.Moved).amount == "-46.00"
    refusal(ann.post(f"{path}/adjust", json=down, headers=key()), 402, "INSUFFICIENT_FUNDS")
    refusal(ann.post(f"/api/admin/users/{uuid4()}/deposit", json=body, headers=key()), 404, "UNKNOWN_USER")
    audit = shaped(ann.get(f"{path}/operations"), shapes.Audit).operations
    assert [(each.type, each.reason, each.actor) for each in audit][:2] == [
        ("adjust", "charged back", f"onesms_operator:{ANN}"),
        ("deposit", "paid by transfer", f"onesms_operator:{ANN}"),
    ]
    shown = shaped(ann.get(path), shapes.User)
    assert (shown.wallet.balance, shown.health.status, shown.open_orders) == ("0.00", "OK", 0)


def test_keys_of_two_operators_are_two(ann: httpx.Client, alice: httpx.Client, system: System) -> None:
    headers, body = key(), {"amount": "1.00", "reason": "one each"}
    path = f"/api/admin/users/{user_of(alice)}/deposit"
    assert ann.post(path, json=body, headers=headers).status_code == 200
    with client_of(system.url, Authenticator(JWT_SECRET).issue(uuid4(), role="service_role")) as ben:
        assert "idempotent-replay" not in ben.post(path, json=body, headers=headers).headers
    assert wallet(alice)[0] == "38.00"


# wallets, routes, figures


def test_faulty_wallet_is_listed_and_corrected(ann: httpx.Client, alice: httpx.Client, system: System) -> None:
    user_id = user_of(alice)
    spoil = f"""
        alter table users disable trigger user;
        update users set frozen_balance = 3 where id = '{user_id}';
        alter table users enable trigger user"""  # noqa: S608
    asyncio.run(execute(system.database_url, spoil))
    faulty = shaped(ann.get("/api/admin/wallets"), shapes.FaultyWallets)
    assert [(str(each.user_id), each.status, each.frozen) for each in faulty.wallets] == [(user_id, "WARNING", "3.00")]
    done = shaped(ann.post(f"/api/admin/wallets/{user_id}/correct", json={"reason": "ticket 14"}), shapes.Correction)
    assert (done.corrected, done.after.status, done.after.frozen) == (True, "OK", "0.00")
    assert shaped(ann.get("/api/admin/wallets"), shapes.FaultyWallets).wallets == []
    [last] = shaped(ann.get(f"/api/admin/users/{user_id}/operations?limit=1"), shapes.Audit).operations
    assert (last.type, last.actor) == ("correct", f"onesms_operator:{ANN}:correct_frozen_balance")
    [logged] = fetch(
        system,
        "select data ->> 'actor', data ->> 'reason' from system_logs"
        " where source = 'correct_frozen_balance' and data ->> 'user_id' = $1",
        str(user_id),
    )
    assert logged == (f"onesms_operator:{ANN}", "ticket 14")
    logs = shaped(ann.get("/api/admin/logs", params={"level": "warning"}), shapes.Logs)
    assert any(row.data.get("user_id") == user_id for row in logs.logs)


def test_route_is_decided_about_and_given_back(ann: httpx.Client) -> None:
    route = {"provider": "herosms", "service": "telegram", "country": "usa"}
    path = "/api/admin/routes"
    try:
        assert ann.post(path, json=route | {"state": "disabled", "reason": "ticket 3"}).status_code == 204
        shown = shaped(ann.get(path, params={"service": "telegram"}), shapes.Routes).routes
        [found] = [each for each in shown if (each.provider, each.country) == ("herosms", "usa")]
        assert (found.state, found.decided_by) == ("disabled", "operator")
    finally:
        assert ann.post(path, json=route | {"state": None, "reason": "mended"}).status_code == 204
    wrong = route | {"country": "atlantis", "state": "enabled", "reason": "x"}
    refusal(ann.post(path, json=wrong), 422, "INVALID_ARGUMENT")
    logged = shaped(ann.get("/api/admin/logs?limit=200"), shapes.Logs).logs
    assert {row.data["reason"] for row in logged if row.source == "set_route_state"} >= {"ticket 3", "mended"}
    assert {row.data["actor"] for row in logged if row.source == "set_route_state"} >= {f"onesms_operator:{ANN}"}


def test_pages_of_routes_miss_and_repeat_nothing(ann: httpx.Client) -> None:
    whole = ann.get("/api/admin/routes?service=telegram&limit=200").json()["routes"]
    walked: list[Any] = []
    after = None
    while len(walked) < len(whole):
        query: dict[str, Any] = {"service": "telegram", "limit": 7} | ({"after": after} if after else {})
        page = ann.get("/api/admin/routes", params=query).json()
        walked += page["routes"]
        after = page["next"]
        if after is None:
            break
    assert walked[: len(whole)] == whole
    refusal(ann.get("/api/admin/routes?after=x"), 400, "BAD_REQUEST")


def test_service_is_disabled_and_enabled_again(ann: httpx.Client, alice: httpx.Client) -> None:
    def viber() -> shapes.ServiceHealth:
        found = shaped(ann.get("/api/admin/services"), shapes.ServicesHealth).services
        return next(each for each in found if each.service == "viber")

    def decide(state: str | None) -> shapes.ServiceHealth:
        body = {"service": "viber", "state": state, "reason": "ticket 3"}
        assert ann.post("/api/admin/services/state", json=body).status_code == 204
        return viber()

    price = viber().price
    try:
        off = decide("disabled")
        assert (off.state, off.decided_by, off.price, off.former_price) == ("disabled", "operator", None, price)
        refusal(alice.post("/api/activations", json=ORDER | {"service": "viber"}), 422, "NOT_FOR_SALE")
        warned = decide("warned")
        assert (warned.state, warned.price) == ("warned", price)
    finally:
        decide("enabled")
        back = decide(None)
    assert (back.state, back.decided_by, back.price) == ("enabled", "rule", price)
    wrong = {"service": "atlantis", "state": "enabled", "reason": "x"}
    refusal(ann.post("/api/admin/services/state", json=wrong), 422, "UNKNOWN_SERVICE")


def test_service_is_taken_off_sale_and_put_back(ann: httpx.Client, alice: httpx.Client) -> None:
    path = "/api/admin/services"
    sold = shaped(ann.get(path), shapes.ServicesHealth).services
    [viber] = [each for each in sold if each.service == "viber"]
    try:
        taken = ann.post(path, json={"service": "viber", "price": None, "reason": "no stock"})
        assert taken.status_code == 204
        refusal(alice.post("/api/activations", json=ORDER | {"service": "viber"}), 422, "NOT_FOR_SALE")
    finally:
        back = ann.post(path, json={"service": "viber", "price": viber.price, "reason": "stock is back"})
        assert back.status_code == 204
    refusal(ann.post(path, json={"service": "atlantis", "price": "1.00", "reason": "x"}), 422, "UNKNOWN_SERVICE")


def test_figures_count_what_was_ordered(ann: httpx.Client, alice: httpx.Client) -> None:
    def ordered() -> tuple[int, int]:
        figures = shaped(ann.get("/api/admin/figures"), shapes.Figures)
        return sum(each.orders for each in figures.orders), sum(each.sold for each in figures.providers)

    before = ordered()
    buy(alice)
    assert ordered() == (before[0] + 1, before[1] + 1)
    days = shaped(ann.get("/api/admin/figures", params={"step": "day", "count": 30}), shapes.Figures)
    assert days.orders[-1].orders >= before[0] + 1
    assert {each.type for each in days.operations} >= {"freeze"}
    shaped(ann.get("/api/admin/alerts"), shapes.Alerts)


# what is open, on every gateway


def test_sessions_of_a_user_are_known_from_every_gateway(
    ann: httpx.Client, alice: httpx.Client, system: System
) -> None:
    user_id = user_of(alice)
    token = Authenticator(JWT_SECRET).issue(UUID(user_id))
    with own_gateway(system) as elsewhere, connected_to(elsewhere, token):

        def sessions() -> shapes.Sessions:
            found: shapes.Sessions = shaped(ann.get(f"/api/admin/users/{user_id}/sessions"), shapes.Sessions)
            return found

        def open_there() -> dict[str, int]:
            return next((each.connections for each in sessions().sessions if each.token_id == token_id_of(token)), {})

        # A machine under load may answer too late once, and is waited for the next time.
        wait_until(lambda: open_there() == {"websocket": 1}, "what is open elsewhere is known here")
        assert len(sessions().gateways) >= 2
        live = shaped(ann.get("/api/admin/live"), shapes.Live)
        assert live.connections.keys() == {"websocket", "sse", "poll"}
        assert live.connections["websocket"] >= 1
        assert (live.newest_event > 0, len(live.gateways) >= 2) == (True, True)


def test_one_token_is_revoked_and_its_connection_closed(ann: httpx.Client, alice: httpx.Client, system: System) -> None:
    token = Authenticator(JWT_SECRET).issue(UUID(user_of(alice)))
    with connected_to(system.url, token) as connection:
        assert ann.post("/realtime/revocations", json={"token_id": token_id_of(token)}).status_code == 201
        assert close_code_of(connection) == TOKEN_REVOKED.code
    known = shaped(ann.get(f"/api/admin/users/{user_of(alice)}/sessions"), shapes.Sessions)
    assert token_id_of(token) not in {each.token_id for each in known.sessions}
    assert alice.get("/api/wallet").status_code == 200


def close_code_of(connection: ClientConnection) -> int | None:
    """Once it is closed; what is said before does not matter."""
    try:
        while True:
            connection.recv(timeout=10)
    except ConnectionClosed:
        return connection.protocol.close_code


@contextmanager
def connected_to(url: str, token: str) -> Iterator[ClientConnection]:
    """A WebSocket that has been greeted."""
    with connect_websocket(f"{url.replace('http', 'ws', 1)}/realtime/ws?access_token={token}") as connection:
        assert json.loads(connection.recv(timeout=10))["type"] == "ready"
        yield connection


# who is served


def test_without_an_operators_login_nothing_is_served(impatient_url: str) -> None:
    with client_of(impatient_url, Authenticator(JWT_SECRET).issue(uuid4(), role="admin")) as ann:
        for path in ("/api/admin/wallets", "/api/admin/figures", f"/api/admin/users/{uuid4()}"):
            refusal(ann.get(path), 404, "NOT_FOUND")
        refusal(ann.post("/demo/operators"), 404, "NOT_FOUND")


def test_operators_are_served_over_a_login_of_their_own(system: System, alice: httpx.Client) -> None:
    with (
        login(system.database_url, GATEWAY) as gateways,
        login(system.database_url, OPERATOR) as operators,
        own_gateway(system, DEMO="0", DATABASE_URL=gateways, OPERATOR_DATABASE_URL=operators) as url,
        client_of(url, Authenticator(JWT_SECRET).issue(ANN, role="admin")) as ann,
    ):
        order = buy(alice)
        answer = ann.post(f"/api/admin/activations/{order['id']}/refund", json={"reason": "ticket 12"})
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
        shaped(ann.get(f"/api/admin/orders/{order['id']}"), shapes.OrderDetail)
        shaped(ann.get(f"/api/admin/users/{user_of(alice)}"), shapes.User)
        shaped(ann.get("/api/admin/figures"), shapes.Figures)
        for path in ("live", "services", "routes", "wallets", "logs", "alerts", "orders/stuck", "search?q=alice"):
            assert ann.get(f"/api/admin/{path}").status_code == 200, path
        headers, body = key(), {"amount": "1.00", "reason": "paid"}
        assert ann.post(f"/api/admin/users/{user_of(alice)}/deposit", json=body, headers=headers).status_code == 200
        assert ann.post(f"/api/admin/wallets/{user_of(alice)}/correct", json={"reason": "a test"}).status_code == 200


def test_demo_has_an_operator_on_its_own_machine_only(system: System) -> None:
    answer = httpx.post(f"{system.url}/demo/operators")
    assert (answer.status_code, answer.json()["user_id"]) == (201, OPERATORS)
    with client_of(system.url, answer.json()["token"]) as operator:
        assert operator.get("/api/admin/alerts").status_code == 200
    for elsewhere in ("203.0.113.7", "127.0.0.1, 203.0.113.7"):
        behind = httpx.post(f"{system.url}/demo/operators", headers={"x-forwarded-for": elsewhere})
        refusal(behind, 403, "OPERATORS_ONLY")
