"""The providers of cards that the conformance suite knows, each made ready on a simulator of its own. A new one is one
entry in CARD_PROVIDERS."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

import httpx
import pytest

from pollers.cards.account import CardAccount
from pollers.cards.contract import CardMade, CardOrder, CardProvider, Document, Person
from pollers.cards.strowallet import Strowallet
from pollers.simulator import SimulatorSettings, running

KEY = "demo"
NO_WAIT_S = 0.4  # for answers that are not to come
LONG_S = 60.0
DOCUMENTS = (
    Document("id_image", "image/png", b"\x89PNG not really"),
    Document("user_photo", "image/jpeg", b"\xff\xd8 not really"),
)


@dataclass(frozen=True)
class CardKind:
    """How to make a provider: base URL, key, client, timeout in seconds. actions: its protocol's names of our calls."""

    make: Callable[[str, str, httpx.AsyncClient, float], CardProvider]
    actions: dict[str, str]


STROWALLET_ACTIONS = {
    "register": "create-user",
    "create": "create-card",
    "card": "fetch-card-detail",
    "fund": "fund-card",
    "transactions": "card-transactions",
    "block": "action/status",
}


def strowallet(url: str, key: str, http: httpx.AsyncClient, timeout_s: float) -> Strowallet:
    return Strowallet(url, key, http, timeout_s=timeout_s)


def strowallet_account(url: str, key: str, http: httpx.AsyncClient, timeout_s: float) -> CardAccount:
    return CardAccount(strowallet(url, key, http, timeout_s), "strowallet", per_s=1_000, burst=1_000)


CARD_PROVIDERS = [
    pytest.param(CardKind(strowallet, STROWALLET_ACTIONS), id="strowallet"),
    pytest.param(CardKind(strowallet_account, STROWALLET_ACTIONS), id="account"),
]


def person(email: str = "ann@example.com") -> Person:
    return Person(
        first_name="Ann",
        last_name="Example",
        email=email,
        phone="2348012345678",
        date_of_birth=date(1990, 4, 30),
        house_number="12",
        line1="Marina Road",
        city="Lagos",
        state="Lagos",
        zip_code="100001",
        country="Nigeria",
        id_type="PASSPORT",
        id_number="A01234567",
    )


@dataclass(frozen=True)
class CardRig:
    """A provider connected to the simulator, with hands on both ends."""

    kind: CardKind
    base_url: str
    http: httpx.AsyncClient
    provider: CardProvider
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def another(self, *, key: str = KEY, timeout_s: float = LONG_S, base_url: str | None = None) -> CardProvider:
        return self.kind.make(base_url or self.base_url, key, self.http, timeout_s)

    async def order(self, usd: str = "10.00") -> CardOrder:
        """A new customer's."""
        email = f"ann{next(self._numbers)}@example.com"
        return CardOrder(await self.provider.register(person(email), DOCUMENTS), email, "ANN EXAMPLE", Decimal(usd))

    async def pending(self, usd: str = "10.00") -> CardMade:
        return await self.provider.create(await self.order(usd))

    async def active(self, usd: str = "10.00") -> str:
        """A card that can be used; its id."""
        made = await self.pending(usd)
        await self.forward(10)
        return made.provider_card_id

    async def forward(self, seconds: float) -> None:
        await self.control("time", forward_s=seconds)

    async def control(self, path: str, **body: object) -> Any:
        response = await self.http.post(f"{self.base_url}/sim/{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    async def fault(self, call: str, fault: str, **more: object) -> None:
        await self.control("faults", action=self.kind.actions[call], fault=fault, **more)

    async def upstream(self) -> dict[str, Any]:
        books = (await self.http.get(f"{self.base_url}/sim/cards")).json()
        assert isinstance(books, dict)
        return books


CardScenario = Callable[[CardRig], Awaitable[None]]
CardPlay = Callable[[CardScenario], None]


@contextlib.contextmanager
def playing_cards(kind: CardKind) -> Iterator[CardPlay]:
    """Run scenarios with a provider on a simulator of its own, where nothing is confirmed by itself."""
    with running(SimulatorSettings(port=0, seed=1)) as base_url:

        @contextlib.asynccontextmanager
        async def rig() -> AsyncIterator[CardRig]:
            async with httpx.AsyncClient() as http:
                made = CardRig(kind, base_url, http, kind.make(base_url, KEY, http, LONG_S))
                await made.control("cards/settings", activation_s=5, funding_s=5)
                yield made

        async def main(scenario: CardScenario) -> None:
            async with asyncio.timeout(60), rig() as ready:
                await scenario(ready)

        yield lambda scenario: asyncio.run(main(scenario))
