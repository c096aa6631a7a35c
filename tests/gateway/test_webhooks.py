"""Webhooks: a provider's word makes an order due, and nothing else that anybody posts does anything."""

import asyncio
import json
from collections.abc import Iterator

import httpx
import pytest

from gateway.api.webhooks import BODY_BYTES_MAX, order_id_in
from tests.gateway.api import ORDER, buy, refusal
from tests.gateway.clients import SSE
from tests.gateway.conftest import Provider
from tests.gateway.support import events, ready
from tests.system import System
from wallet_db.connect import Pool, pool

PATH = "/webhooks/sms_activate"
SOON_S = 4.5
THEIRS = "188.42.218.183"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"activationId":123456,"service":"go","text":"1","code":"12345","country":2}', "123456"),
        (b'{"activationId":"123456"}', "123456"),
        (b'{"rentId":"26251422","sms":{"phoneFrom":"x","text":"y"}}', "26251422"),
        (b"activationId=77&code=1", "77"),
        (b'{"id":5}', "5"),
        (b'{"activationId":null,"rentId":9}', "9"),
        (b'{"activationId":true}', None),
        (b'{"activationId":1.5}', None),
        (b'{"activationId":"1\\u0000"}', None),
        (b'{"activationId":["1"]}', None),
        (b'{"activationId":"' + b"9" * 65 + b'"}', None),
        (b"[1]", None),
        (b"", None),
        (b"\xff\xfe", None),
        (b"{", None),
        (b"&" * 200, None),
    ],
)
def test_only_the_order_is_read(body: bytes, found: str | None) -> None:
    assert order_id_in(body) == found


@pytest.fixture
def told(system: System, provider: Provider) -> Iterator[None]:
    """The provider tells the gateway of each SMS."""
    for urls in ([system.url + PATH], []):
        answer = provider.control.post("/sim/webhooks", json={"provider": "sms_activate", "urls": urls})
        answer.raise_for_status()
        if urls:
            yield


@pytest.mark.usefixtures("told")
def test_an_sms_upstream_is_with_its_user_long_before_the_next_poll(system: System, provider: Provider) -> None:
    """Upstream, webhook, hint, look, event: of an order so old that it is looked at every eight seconds only."""
    assert asyncio.run(sms_comes_within(SOON_S, system, provider))


def test_without_a_webhook_it_is_not(system: System, provider: Provider) -> None:
    """The control of the test above."""
    assert not asyncio.run(sms_comes_within(SOON_S, system, provider))


async def sms_comes_within(seconds: float, system: System, provider: Provider) -> bool:
    """Order, wait until the next look is farther away than that, deliver: whether the user hears of it in time."""
    _, token = system.sign_in()
    headers = {"authorization": f"Bearer {token}"}
    async with (
        pool(system.database_url, "test", connections_max=1) as db,
        httpx.AsyncClient(base_url=system.url, headers=headers, timeout=30) as client,
    ):
        answer = await client.post("/api/activations", json=ORDER | {"service": "whatsapp"})
        assert answer.status_code == 201, answer.text
        # Other tests' orders, too, and their users: one that is young or watched has the account looked at more often.
        await db.execute("update activations set purchased_at = purchased_at - interval '10 minutes'")
        await db.execute("delete from presence")
        await rested(db)
        async with SSE.connect(system.url, token, None) as stream:  # not before: who is connected watches
            await ready(stream)
            await asyncio.to_thread(provider.deliver_sms, answer.json()["phone"], "424242")
            try:
                async with asyncio.timeout(seconds):
                    while True:
                        if any(event["type"] == "sms.received" for event in await events(stream, 1)):
                            return True
            except TimeoutError:
                return False


async def rested(db: Pool) -> None:
    """Return when the account has just been looked at, and the next look is seconds away."""
    async with asyncio.timeout(20):
        while not await db.fetchval(  # noqa: ASYNC110 - another process's row
            "select coalesce(bool_and(due_at > now() + interval '5 seconds' and due_at < now() + interval '9 seconds'),"
            " false) from provider_accounts where provider = 'sms_activate'"
        ):
            await asyncio.sleep(0.05)


def test_what_is_not_ours_or_makes_no_sense_is_answered_200_and_counted(system: System) -> None:
    with httpx.Client(base_url=system.url) as client:
        for body in ('{"activationId":1}', "nonsense"):
            answer = client.post(PATH, content=body)
            assert (answer.status_code, answer.json()) == (200, {"success": True})
        metrics = client.get("/metrics").text
    assert 'onesms_webhooks_total{outcome="unknown",provider="sms_activate"}' in metrics
    assert 'onesms_webhooks_total{outcome="unreadable",provider="sms_activate"}' in metrics


def test_no_code_of_a_webhook_is_logged_or_believed(system: System, alice: httpx.Client) -> None:
    order = buy(alice, service="whatsapp")
    with httpx.Client(base_url=system.url) as client:
        body = {"activationId": 1, "code": "917355", "text": "your code is 917355"}
        assert client.post(PATH, json=body).status_code == 200
        assert client.post(f"{PATH}?code=917355", content=json.dumps(body)).status_code == 200
    assert alice.get(f"/api/activations/{order['id']}").json()["sms"] == []
    assert all("917355" not in process.output for process in system.processes)


def test_bounds_and_places(system: System) -> None:
    with httpx.Client(base_url=system.url) as client:
        refusal(client.post("/webhooks/fivesim", content="{}"), 404, "NOT_FOUND")
        refusal(client.post(PATH, content=b"x" * (BODY_BYTES_MAX + 1)), 413, "BODY_TOO_LARGE")
        refusal(client.get(PATH), 405, "METHOD_NOT_ALLOWED")


def test_strangers_are_refused_and_nobodys_word_but_a_proxys_counts(system: System) -> None:
    url = system.start_gateway(DEMO="0", TRUSTED_PROXIES="")
    gateway = system.processes[-1]
    with httpx.Client(base_url=url) as client:
        refusal(client.post(PATH, json={"activationId": 1}), 403, "UNKNOWN_SENDER")
        forged = {"x-forwarded-for": THEIRS}
        refusal(client.post(PATH, json={"activationId": 1}, headers=forged), 403, "UNKNOWN_SENDER")
    gateway.stop()
    url = system.start_gateway(
        DEMO="0", TRUSTED_PROXIES="127.0.0.1", SMS_ACTIVATE_WEBHOOK_ADDRESSES="188.42.218.182/31"
    )
    gateway = system.processes[-1]
    with httpx.Client(base_url=url) as client:
        for chain, status in ((THEIRS, 200), (f"6.6.6.6, {THEIRS}", 200), (f"{THEIRS}, 6.6.6.6", 403), ("x", 403)):
            answer = client.post(PATH, json={"activationId": 1}, headers={"x-forwarded-for": chain})
            assert answer.status_code == status, chain
    gateway.stop()
