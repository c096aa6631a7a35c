"""Manual work on activations over HTTP: another SMS, done early, a look now, a code entered by an operator."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from gateway.auth import Authenticator
from tests.gateway.api import buy, client_of, refusal, until_status, wallet
from tests.gateway.conftest import Provider
from tests.system import JWT_SECRET, System, wait_until
from wallet_db.connect import connect


def received(client: httpx.Client, provider: Provider, code: str = "111111") -> dict[str, Any]:
    bought = buy(client, service="whatsapp")
    provider.deliver_sms(bought["phone"], code)
    return until_status(client, bought["id"], "received")


def codes(client: httpx.Client, order: dict[str, Any]) -> list[str]:
    return [sms["code"] for sms in client.get(f"/api/activations/{order['id']}").json()["sms"]]


def test_another_sms_is_asked_for_and_shown_for_nothing(alice: httpx.Client, provider: Provider) -> None:
    order = received(alice, provider)
    answer = alice.post(f"/api/activations/{order['id']}/retry")
    assert (answer.status_code, answer.json()["another_sms"]) == (200, "waiting")
    assert alice.post(f"/api/activations/{order['id']}/retry").json()["another_sms"] == "waiting"
    provider.deliver_sms(order["phone"], "222222")
    wait_until(lambda: codes(alice, order) == ["111111", "222222"], "the second SMS is shown")
    shown = alice.get(f"/api/activations/{order['id']}").json()
    assert (shown["status"], shown["another_sms"]) == ("received", None)
    assert wallet(alice) == ("31.00", "0.00", "31.00")


def test_done_early_completes_the_order_upstream_too(alice: httpx.Client, provider: Provider) -> None:
    order = received(alice, provider)
    answer = alice.post(f"/api/activations/{order['id']}/finish")
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert alice.post(f"/api/activations/{order['id']}/finish").json() == answer.json()
    upstream = provider.control.get("/sim/activations").json()["activations"]
    assert [row["state"] for row in upstream if row["phone"] == order["phone"]] == ["completed"]
    refusal(alice.post(f"/api/activations/{order['id']}/retry"), 409, "ALREADY_CLOSED")


def test_before_its_sms_an_order_is_neither_retried_nor_done(alice: httpx.Client) -> None:
    bought = buy(alice)
    for action in ("retry", "finish"):
        refusal(alice.post(f"/api/activations/{bought['id']}/{action}"), 409, "SMS_NOT_RECEIVED")
    assert alice.post(f"/api/activations/{bought['id']}/cancel").status_code == 200
    for action in ("retry", "finish", "check"):
        refusal(alice.post(f"/api/activations/{bought['id']}/{action}"), 409, "ALREADY_CLOSED")


def test_a_check_answers_after_a_look_and_not_too_often(alice: httpx.Client, provider: Provider) -> None:
    bought = buy(alice, service="whatsapp")
    provider.deliver_sms(bought["phone"], "333333")
    answer = alice.post(f"/api/activations/{bought['id']}/check")
    assert (answer.status_code, answer.json()["status"], answer.json()["code"]) == (200, "received", "333333")
    body = refusal(alice.post(f"/api/activations/{bought['id']}/check"), 429, "CHECK_TOO_SOON")
    assert 1 <= body["retry_after_s"] <= 5


def test_a_check_of_a_served_order_finds_what_else_came(alice: httpx.Client, provider: Provider) -> None:
    order = received(alice, provider)
    assert alice.post(f"/api/activations/{order['id']}/retry").status_code == 200
    provider.deliver_sms(order["phone"], "222222")
    answer = alice.post(f"/api/activations/{order['id']}/check")
    assert (answer.status_code, codes(alice, order)) == (200, ["111111", "222222"])


@pytest.mark.parametrize("action", ["retry", "finish", "check"])
def test_somebody_elses_order_is_unknown(alice: httpx.Client, system: System, action: str) -> None:
    hers = buy(alice)["id"]
    _, token = system.sign_in()
    with client_of(system.url, token) as bob:
        for each in (hers, str(uuid4()), "1"):
            refusal(bob.post(f"/api/activations/{each}/{action}"), 404, "UNKNOWN_ORDER")


def test_an_operator_enters_a_code_under_a_name_of_their_own(alice: httpx.Client, system: System) -> None:
    bought = buy(alice)
    path = f"/api/activations/{bought['id']}/sms"
    refusal(alice.post(path, json={"code": "444444"}), 403, "OPERATORS_ONLY")
    operator = uuid4()
    token = Authenticator(JWT_SECRET).issue(operator, role="admin")
    with client_of(system.url, token) as client:
        refusal(client.post(path, json={}), 422, "INVALID_ARGUMENT")
        refusal(client.post(f"/api/activations/{uuid4()}/sms", json={"code": "1"}), 404, "UNKNOWN_ORDER")
        answer = client.post(path, json={"code": "444444"})
        assert (answer.status_code, answer.json()["outcome"]) == (200, "applied")
        assert client.post(path, json={"code": "444444"}).json()["outcome"] == "repeated"
    shown = alice.get(f"/api/activations/{bought['id']}").json()
    assert (shown["status"], shown["code"]) == ("received", "444444")
    assert wallet(alice) == ("31.00", "0.00", "31.00")

    async def told() -> tuple[list[str], list[str]]:
        connection = await connect(system.database_url, "test")
        try:
            actors = await connection.fetch(
                "select actor from balance_operations where activation_id = $1 and type = 'commit'", bought["id"]
            )
            logs = await connection.fetch("select data::text from system_logs where source = 'enter_sms'")
        finally:
            await connection.close()
        return [row[0] for row in actors], [row[0] for row in logs]

    actors, logs = asyncio.run(told())
    assert [actor.rpartition(":")[2] for actor in actors] == [str(operator)]
    mine = [log for log in logs if bought["id"] in log]
    assert len(mine) == 2
    assert all(str(operator) in log and "444444" not in log for log in mine)
