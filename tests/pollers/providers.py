"""The providers that the conformance suite knows, each made ready on a simulator of its own. A new one is one entry in
PROVIDERS."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
import pytest

from pollers.accounts import Account
from pollers.providers.contract import Provider, Purchase
from pollers.providers.fivesim import FiveSim
from pollers.providers.herosms import HeroSms
from pollers.providers.sms_activate import SmsActivate
from pollers.simulator import SimulatorSettings, running

KEY = "demo"
NO_WAIT_S = 0.4  # for answers that are not to come
LONG_S = 60.0


@dataclass(frozen=True)
class Kind:
    """How to make a provider (base URL, key, client, timeout in seconds), its codes for a service and a country, and
    what it can: take our order id, so that it buys once; show the SMS of an order that has ended; take SMS until an
    order is finished, without being asked for another; rent a number out for one service. What it does not offer is
    named by the contract's method.
    """

    make: Callable[[str, str, httpx.AsyncClient, float], Provider]
    service: str
    country: str
    takes_order_id: bool = True
    shows_ended_sms: bool = False
    takes_sms_until_finished: bool = False
    rents_by_service: bool = True
    not_offered: frozenset[str] = frozenset()


PROVIDERS = [
    pytest.param(
        Kind(
            lambda url, key, http, s: Account(
                SmsActivate(url, key, http, timeout_s=s), "sms_activate", per_s=1_000, burst=1_000
            ),
            "wa",
            "6",
        ),
        id="account",
    ),
    pytest.param(
        Kind(lambda url, key, http, s: SmsActivate(url, key, http, timeout_s=s), "wa", "6"), id="sms_activate"
    ),
    pytest.param(
        Kind(
            lambda url, key, http, s: FiveSim(url, key, http, timeout_s=s),
            "whatsapp",
            "indonesia",
            takes_order_id=False,
            shows_ended_sms=True,
            takes_sms_until_finished=True,
            rents_by_service=False,
            not_offered=frozenset({"cancel_rental", "extend", "finish_rental"}),
        ),
        id="fivesim",
    ),
    pytest.param(
        Kind(
            lambda url, key, http, s: HeroSms(f"{url}/hero", key, http, timeout_s=s),
            "wa",
            "6",
            takes_order_id=False,
            not_offered=frozenset({"cancel_rental", "finish_rental", "active_rentals"}),
        ),
        id="herosms",
    ),
]


@dataclass(frozen=True)
class Rig:
    """A provider connected to the simulator, with hands on both ends."""

    kind: Kind
    base_url: str
    http: httpx.AsyncClient
    provider: Provider

    def another(self, *, key: str = KEY, timeout_s: float = LONG_S, base_url: str | None = None) -> Provider:
        return self.kind.make(base_url or self.base_url, key, self.http, timeout_s)

    async def buy(self, service: str | None = None, *, max_price: Decimal | None = None) -> Purchase:
        order_id = str(uuid.uuid4())
        return await self.provider.buy(order_id, service or self.kind.service, self.kind.country, max_price)

    async def control(self, path: str, **body: object) -> Any:
        response = await self.http.post(f"{self.base_url}/sim/{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    async def upstream(self) -> list[dict[str, Any]]:
        activations = (await self.http.get(f"{self.base_url}/sim/activations")).json()["activations"]
        assert isinstance(activations, list)
        return activations

    async def state(self, purchase: Purchase) -> str:
        [state] = [row["state"] for row in await self.upstream() if str(row["id"]) == purchase.provider_order_id]
        return str(state)


Scenario = Callable[[Rig], Awaitable[None]]
Play = Callable[[Scenario], None]


@contextlib.contextmanager
def playing(kind: Kind) -> Iterator[Play]:
    """Run scenarios with a provider on a simulator of its own, where no SMS comes by itself."""
    settings = SimulatorSettings(port=0, sms_delay_s=1e6, early_cancel_s=1e3, lifetime_s=1e7, seed=1)
    with running(settings) as base_url:

        @contextlib.asynccontextmanager
        async def rig() -> AsyncIterator[Rig]:
            async with httpx.AsyncClient() as http:
                yield Rig(kind, base_url, http, kind.make(base_url, KEY, http, LONG_S))

        async def main(scenario: Scenario) -> None:
            async with rig() as ready:
                await scenario(ready)

        yield lambda scenario: asyncio.run(main(scenario))
