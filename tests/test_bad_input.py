"""What nobody should send and somebody does: a clear code, a wallet as it was, and a count that shows it.

One table for users' requests to the gateway, one for providers' answers to a purchase.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from pollers.accounts import Account
from pollers.activations import ActivationWorker
from pollers.adoption import PURCHASE_WINDOW
from pollers.providers.sms_activate import SmsActivate
from pollers.settings import PollerSettings
from pollers.simulator import running
from tests.conftest import execute
from tests.gateway.test_metrics import figures
from tests.pollers.support import PATIENT, Rig, answering, play_on
from tests.system import running_system


@pytest.fixture
def simulator_url() -> Iterator[str]:
    with running(PATIENT) as url:
        yield url


WHATSAPP = {"service": "whatsapp", "country": "indonesia"}


@dataclass(frozen=True)
class Request:
    """What is sent, and how it is refused."""

    path: str
    body: Mapping[str, Any] | bytes
    status: int
    error_code: str


REQUESTS = {
    "an unknown service": Request("activations", WHATSAPP | {"service": "nonesuch"}, 422, "UNKNOWN_SERVICE"),
    "an unknown country": Request("activations", WHATSAPP | {"country": "atlantis"}, 422, "UNKNOWN_COUNTRY"),
    "a price above the limit": Request("activations", WHATSAPP | {"max_price": "4.99"}, 422, "PRICE_ABOVE_LIMIT"),
    "an absurd limit": Request("activations", WHATSAPP | {"max_price": "1e400"}, 422, "INVALID_ARGUMENT"),
    "malformed JSON": Request("activations", b'{"service":', 400, "INVALID_JSON"),
    "a page": Request("activations", b"<!doctype html><title>hello</title>", 400, "INVALID_JSON"),
    "ten megabytes": Request("activations", b" " * 10_000_000, 413, "BODY_TOO_LARGE"),
    "no hours": Request("rentals", WHATSAPP | {"hours": 0}, 422, "INVALID_HOURS"),
    "hours without end": Request("rentals", WHATSAPP | {"hours": 10**12}, 422, "INVALID_HOURS"),
    "more than one has": Request("rentals", WHATSAPP | {"hours": 1344}, 402, "INSUFFICIENT_FUNDS"),
}


def test_users_requests(database_url: str) -> None:
    with running_system(database_url) as system, httpx.Client(base_url=system.url, timeout=30) as http:
        _, token = system.sign_in(credit="36.00")
        headers = {"Authorization": f"Bearer {token}"}

        def counted() -> Mapping[str, float]:
            return figures(http.get("/metrics").text)

        for name, wanted in REQUESTS.items():
            sample = f"onesms_refusals_total {wanted.error_code}"
            before = counted().get(sample, 0)
            sent: dict[str, Any] = {"content" if isinstance(wanted.body, bytes) else "json": wanted.body}
            answer = http.post(f"/api/{wanted.path}", headers=headers, **sent)
            assert (answer.status_code, answer.json()["error_code"]) == (wanted.status, wanted.error_code), name
            wallet = http.get("/api/wallet", headers=headers).json()
            assert wallet == {"balance": "36.00", "frozen": "0.00", "available": "36.00"}, name
            assert counted()[sample] == before + 1, name
        assert counted()["onesms_wallet_refusals_total INSUFFICIENT_FUNDS"] == 1


def test_too_many_open_orders(database_url: str) -> None:
    with running_system(database_url) as system, httpx.Client(base_url=system.url, timeout=30) as http:
        one = "update settings set value = '1' where key = 'open_orders_per_user_max'"
        asyncio.run(execute(database_url, one))
        _, token = system.sign_in(credit="36.00")
        headers = {"Authorization": f"Bearer {token}"}
        order = WHATSAPP | {"service": "telegram"}
        assert http.post("/api/activations", headers=headers, json=order).status_code == 202  # there are no pollers
        refused = http.post("/api/activations", headers=headers, json=order)
        assert (refused.status_code, refused.json()["error_code"]) == (429, "TOO_MANY_OPEN_ORDERS")
        assert http.get("/api/wallet", headers=headers).json()["frozen"] == "5.00"
        assert figures(http.get("/metrics").text)["onesms_refusals_total TOO_MANY_OPEN_ORDERS"] == 1


@dataclass(frozen=True)
class Answer:
    """What the provider answers to a purchase, and how the order ends. code: as the calls' metric names it."""

    body: str
    code: str
    error_code: str
    status: str = "200 OK"


SOLD = '{"activationId":"1","phoneNumber":"%s","activationCost":"%s"}'
UNREADABLE = ("OUTCOME_UNKNOWN", "OUTCOME_UNKNOWN")
"""It may have sold: the money is held until the list of orders shows that it has not."""
ANSWERS = {
    "malformed JSON": Answer('{"activationId":', *UNREADABLE),
    "a page": Answer("<!doctype html><title>Just a moment…</title>", *UNREADABLE),
    "a page with a fault": Answer("<html>Bad gateway</html>", *UNREADABLE, status="502 Bad Gateway"),
    "no phone number": Answer(SOLD % ("9" * 400, "1.00"), *UNREADABLE),
    "a deep nest": Answer("[" * 100_000, *UNREADABLE),
    "ten megabytes": Answer(" " * 10_000_000, *UNREADABLE),
    "nothing at all": Answer("", *UNREADABLE),
    "no numbers": Answer("NO_NUMBERS", "NO_NUMBERS", "NO_NUMBERS"),
    "a price above the limit": Answer("WRONG_MAX_PRICE:99999", "PRICE_TOO_LOW", "PRICE_TOO_LOW"),
    "an absurd price": Answer("WRONG_MAX_PRICE:1e99999999", "PRICE_TOO_LOW", "PRICE_TOO_LOW"),
    "no funds": Answer("NO_BALANCE", "PROVIDER_ACCOUNT_PROBLEM", "PROVIDER_ACCOUNT_PROBLEM"),
    "an unknown service": Answer("BAD_SERVICE", "PROVIDER_REFUSED", "PROVIDER_REFUSED"),
    "an unknown country": Answer("BAD_COUNTRY", "PROVIDER_REFUSED", "PROVIDER_REFUSED"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_providers_answers(database_url: str, simulator_url: str, name: str) -> None:
    wanted = ANSWERS[name]

    def counted() -> float:
        labels = {"provider": "sms_activate", "method": "buy", "outcome": wanted.code}
        return REGISTRY.get_sample_value("onesms_provider_calls_total", labels) or 0

    async def scenario(rig: Rig) -> None:
        activation = await rig.order()
        before = counted()
        async with answering(wanted.body, status=wanted.status) as url:
            account = Account(SmsActivate(url, "demo", rig.http), "sms_activate", per_s=100, burst=100)
            worker = ActivationWorker(rig.db, {"sms_activate": account}, PollerSettings(demo=True))
            await rig.work(worker)
        assert counted() == before + 1
        if wanted.code == "OUTCOME_UNKNOWN":
            assert (await rig.row(activation))["status"] == "ordering"
            await rig.pass_time(PURCHASE_WINDOW.total_seconds() + 1)
            await rig.work()  # with a provider that can be understood again
        assert await rig.end(activation) == ("failed", wanted.error_code, "36.00", "0.00")

    play_on(database_url, simulator_url, scenario)


@pytest.mark.parametrize("cost", ["1e308", "-5", "NaN", "9" * 40])
def test_an_absurd_cost_is_no_cost_and_no_reason_to_lose_a_number(
    database_url: str, simulator_url: str, cost: str
) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.order()
        async with answering(SOLD % ("6281234567890", cost)) as url:
            account = Account(SmsActivate(url, "demo", rig.http), "sms_activate", per_s=100, burst=100)
            await ActivationWorker(rig.db, {"sms_activate": account}, PollerSettings(demo=True)).work(
                await rig.claim(activation)
            )
        row = await rig.row(activation)
        assert (row["status"], row["provider_cost"]) == ("pending", None)

    play_on(database_url, simulator_url, scenario)
