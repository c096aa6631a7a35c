"""What the tests of cards share: a real database, a simulated provider of cards over HTTP, workers between them, and
hands on the time of both."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson

from pollers.cards.account import CardAccount
from pollers.cards.cards import CardWorker
from pollers.cards.contract import CardProvider
from pollers.cards.customers import CustomerWorker
from pollers.cards.desk import Desk
from pollers.cards.fundings import FundingWorker
from pollers.cards.operators import Operators
from pollers.cards.reveals import RevealWorker
from pollers.cards.settings import STROWALLET
from pollers.cards.strowallet import Strowallet
from pollers.cards.webhooks import WebhookWorker
from pollers.settings import PollerSettings
from tests.wallet_db.support import assert_books_balance, new_user, wallet
from wallet_db import cards
from wallet_db.card_customers import claim_card_customers
from wallet_db.card_fundings import FundingJob, claim_card_fundings
from wallet_db.card_jobs import CardJob, claim_cards
from wallet_db.card_notices import claim_card_reveals, claim_card_webhooks
from wallet_db.cards import SealedDocument
from wallet_db.connect import Pool, pool
from wallet_db.sealing import CardKeys, RevealKey, place

KEYS = CardKeys.parse(CardKeys.make("k1"))
LEASE = timedelta(seconds=60)
ROUNDS_MAX = 12
NAME = "ANN EXAMPLE"
CREATION = Decimal("13.22")
"""Of a card with 10 USD: 2.00 + 10 x 1.10 + 2 %."""
FUNDING = Decimal("5.61")
"""Of 5 USD more."""
TIMES = {
    "card_customers": ("created_at", "submitted_at", "registered_at", "due_at"),
    "cards": (
        "created_at",
        "checked_at",
        "refresh_asked_at",
        "wanted_at",
        "action_started_at",
        "activated_at",
        "closed_at",
        "due_at",
    ),
    "card_fundings": ("created_at", "begun_at", "accepted_at", "ended_at", "due_at"),
    "strowallet_webhook_events": ("received_at", "applied_at", "due_at"),
}
"""What passes when time does."""


@dataclass(frozen=True)
class CardDesk:
    """Database, simulator, and the desk at which everything is worked on."""

    db: Pool
    base_url: str
    http: httpx.AsyncClient
    desk: Desk

    def another(self, *, timeout_s: float = 15) -> "CardDesk":
        """Another process, with an account of its own."""
        made = desk_of(self.db, {STROWALLET: account(self.base_url, self.http, timeout_s=timeout_s)})
        return CardDesk(self.db, self.base_url, self.http, made)

    # --- what users want

    async def customer(self, user: UUID, email: str | None = None) -> UUID:
        customer_id, document_id = uuid4(), uuid4()
        details = {
            "first_name": "Ann",
            "last_name": "Example",
            "email": email or f"{user}@example.com",
            "phone": "2348012345678",
            "date_of_birth": "1990-04-30",
            "house_number": "12",
            "line1": "Marina Road",
            "city": "Lagos",
            "state": "Lagos",
            "zip_code": "100001",
            "country": "Nigeria",
            "id_type": "PASSPORT",
            "id_number": "A01234567",
        }
        other_id = uuid4()
        made = await cards.create_card_customer(
            self.db,
            user,
            customer_id,
            provider=STROWALLET,
            details=KEYS.seal(orjson.dumps(details), place("card_customers", "details", customer_id)),
            email_digest=KEYS.digest(details["email"]),
            documents=[
                SealedDocument(id_, kind, "image/png", KEYS.seal(b"an image", place("card_documents", "sealed", id_)))
                for id_, kind in ((document_id, "id_image"), (other_id, "user_photo"))
            ],
        )
        return UUID(made["customer_id"])

    async def registered(self, balance: str = "36.00") -> UUID:
        """A user whom the provider knows."""
        user = await new_user(self.db, balance)
        await self.customer(user)
        await self.work("customers")
        assert (await self.customer_row(user))["status"] == "registered"
        return user

    async def order(self, user: UUID | None = None, usd: str = "10.00", name: str = NAME) -> UUID:
        """A card asked for, not begun."""
        user = user or await self.registered()
        card_id = uuid4()
        sealed = KEYS.seal(name.encode(), place("cards", "name_on_card_sealed", card_id))
        made = await cards.create_card(
            self.db, user, card_id, provider=STROWALLET, usd=Decimal(usd), name_sealed=sealed
        )
        return UUID(made["card_id"])

    async def active(self, user: UUID | None = None) -> UUID:
        """A card that can be used, with 10 USD."""
        card = await self.order(user)
        await self.work("cards")
        await self.pass_time(10)
        await self.work("cards")
        assert (await self.row(card))["status"] == "active"
        return card

    async def fund(self, card: UUID, usd: str = "5.00") -> UUID:
        """A funding asked for, not begun."""
        user = (await self.row(card))["user_id"]
        made = await cards.request_card_funding(self.db, user, card, Decimal(usd))
        return UUID(made["funding"]["id"])

    async def want(self, card: UUID, action: str) -> None:
        await cards.request_card_action(self.db, card, action, user_id=(await self.row(card))["user_id"])

    async def hear(self, event: str, provider_card_id: object, **said: object) -> None:
        """A webhook, whose signature was good, has come."""
        assert await cards.take_card_webhook(
            self.db,
            event_id=uuid4().hex,
            event=event,
            provider=STROWALLET,
            provider_card_id=str(provider_card_id),
            payload={"event": event, **said},
            signature_valid=True,
        )

    async def ask_reveal(self, card: UUID) -> tuple[UUID, RevealKey]:
        key, user = RevealKey(), (await self.row(card))["user_id"]
        return await cards.ask_card_reveal(self.db, user, card, key.public, wait=timedelta(seconds=15)), key

    # --- work and time

    async def work(self, kind: str, desk: Desk | None = None) -> None:
        """Work on what is due until nothing is, which must not take long: else somebody asks without a pause."""
        for _ in range(ROUNDS_MAX):
            claimed = await self._claim(kind)
            if not claimed:
                return
            worker = WORKERS[kind](desk or self.desk)
            await asyncio.gather(*(worker.work(job) for job in claimed))
        raise AssertionError(f"expected {kind} to rest between looks, they were due {ROUNDS_MAX} times")

    async def work_on_all(self) -> None:
        for kind in CLAIMS:
            await self.work(kind)

    async def _claim(self, kind: str) -> Any:
        return await CLAIMS[kind](self.db, limit=50, lease=LEASE)

    async def claim_card(self, card: UUID) -> CardJob:
        [job] = [job for job in await claim_cards(self.db, limit=50, lease=LEASE) if job.id == card]
        return job

    async def claim_funding(self, funding: UUID) -> FundingJob:
        [job] = [job for job in await claim_card_fundings(self.db, limit=50, lease=LEASE) if job.id == funding]
        return job

    async def pass_time(self, seconds: float, *, upstream: bool = True) -> None:
        """Let so much time pass here, and at the provider unless told otherwise."""
        async with self.db.acquire() as connection, connection.transaction():
            await connection.execute("set local session_replication_role = replica")  # it is not a change of anything
            for table, names in TIMES.items():
                moved = ", ".join(f"{name} = {name} - $1::interval" for name in names)
                await connection.execute(f"update {table} set {moved}", timedelta(seconds=seconds))  # noqa: S608
        if upstream:
            await self.control("time", forward_s=seconds)

    # --- what became of it

    async def row(self, card: UUID) -> Any:
        return await self.db.fetchrow("select * from cards where id = $1", card)

    async def funding_row(self, funding: UUID) -> Any:
        return await self.db.fetchrow("select * from card_fundings where id = $1", funding)

    async def customer_row(self, user: UUID) -> Any:
        return await self.db.fetchrow("select * from card_customers where user_id = $1", user)

    async def end(self, card: UUID) -> tuple[str, str | None, str, str]:
        """(status, error code, balance, frozen) of the card and its owner's wallet, after a look into all books."""
        await self.check_books()
        stored = await self.row(card)
        balance, frozen, _ = await wallet(self.db, stored["user_id"])
        return stored["status"], stored["error_code"], balance, frozen

    async def check_books(self) -> None:
        await assert_books_balance(self.db)
        assert await self.db.fetch("select * from v_frozen_balance_health where status <> 'OK'") == []

    async def told(self) -> set[str]:
        """What the operators have heard of."""
        return {row["message"] for row in await self.db.fetch("select message from system_logs")}

    # --- the provider

    async def control(self, path: str, **body: object) -> Any:
        response = await self.http.post(f"{self.base_url}/sim/{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    async def fault(self, action: str, fault: str, count: int = 1) -> None:
        await self.control("faults", action=action, fault=fault, count=count)

    async def upstream(self) -> list[dict[str, Any]]:
        """The provider's cards, after its own books are checked: no dollar is lost."""
        books = (await self.http.get(f"{self.base_url}/sim/cards")).json()
        held = Decimal(books["balance"])
        for card in books["cards"]:
            for each in card["transactions"]:
                spent = each["type"] == "debit" and each["status"] == "success"
                on_its_way = each["type"] == "credit" and each["status"] == "pending"
                held += abs(Decimal(each["usd"])) if spent or on_its_way else 0
            held += Decimal(card["balance"])
        assert held == Decimal("10000.00")
        rows: list[dict[str, Any]] = books["cards"]
        return rows

    async def upstream_of(self, card: UUID) -> dict[str, Any]:
        id_ = (await self.row(card))["provider_card_id"]
        [found] = [each for each in await self.upstream() if str(each["id"]) == id_]
        return found

    async def paid(self, card: UUID) -> Decimal:
        """What the provider has put on the card, or is about to."""
        transactions = (await self.upstream_of(card))["transactions"]
        return sum(
            (Decimal(each["usd"]) for each in transactions if each["type"] == "credit" and each["status"] != "failed"),
            Decimal(0),
        )

    async def asked(self, action: str) -> int:
        """How many requests of this action the provider has got."""
        log = (await self.http.get(f"{self.base_url}/sim/log")).json()["requests"]
        return sum(request["action"] == action for request in log)


CLAIMS: dict[str, Callable[..., Awaitable[Any]]] = {
    "customers": claim_card_customers,
    "cards": claim_cards,
    "fundings": claim_card_fundings,
    "webhooks": claim_card_webhooks,
    "reveals": claim_card_reveals,
}
WORKERS: dict[str, Callable[[Desk], Any]] = {
    "customers": CustomerWorker,
    "cards": CardWorker,
    "fundings": FundingWorker,
    "webhooks": WebhookWorker,
    "reveals": RevealWorker,
}

CardDeskScenario = Callable[[CardDesk], Awaitable[None]]
CardDeskPlay = Callable[[CardDeskScenario], None]


def account(base_url: str, http: httpx.AsyncClient, *, timeout_s: float = 15) -> CardAccount:
    return CardAccount(Strowallet(base_url, "demo", http, timeout_s=timeout_s), STROWALLET, per_s=1_000, burst=1_000)


def desk_of(db: Pool, providers: dict[str, CardProvider]) -> Desk:
    return Desk(db, providers, KEYS, PollerSettings(demo=True), Operators(db))


def play_on(database_url: str, base_url: str, scenario: CardDeskScenario) -> None:
    """Run a scenario within a minute, where the provider confirms nothing before its time is moved."""

    async def main() -> None:
        async with asyncio.timeout(60), pool(database_url, "test") as db, httpx.AsyncClient() as http:
            await db.execute(
                "insert into card_offers (provider, creation_fee, usd_price, funding_fee_percent, usd_min, usd_max,"
                " on_sale) values ('strowallet', 2, 1.10, 2, 1, 500, true) on conflict do nothing"
            )
            await db.execute("truncate strowallet_webhook_events")
            made = desk_of(db, {STROWALLET: account(base_url, http)})
            ready = CardDesk(db, base_url, http, made)
            await ready.control("cards/settings", activation_s=5, funding_s=5)
            await scenario(ready)

    asyncio.run(main())
