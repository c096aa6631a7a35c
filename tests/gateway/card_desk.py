"""What the tests of cards over HTTP share: users with cards, made by requests and by what the pollers would write.

No pollers run where this is used, so that a test decides what the provider says, and when; every step is the call that
a poller makes. With pollers and a provider: `test_cards_upstream.py`.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx

from tests.gateway.customers import customer
from tests.system import CARD_KEYS, System, wait_until
from tests.wallet_db.card_life import claim_card, claim_customer, claim_funding
from wallet_db import card_customers, card_fundings, card_jobs, card_notices
from wallet_db.card_notices import RevealJob
from wallet_db.connect import Pool, pool
from wallet_db.sealing import CardKeys, place

T = TypeVar("T")

WEBHOOK_SECRET = "a secret of the provider's webhooks"
KEYS = CardKeys.parse(CARD_KEYS)
LEASE = timedelta(minutes=1)
NUMBER, CVV = "4111111111111111", "737"


def signed(body: bytes, *, secret: str = WEBHOOK_SECRET, at_s: float | None = None) -> dict[str, str]:
    """The headers that the provider sends with a webhook."""
    timestamp = str(int(time.time() if at_s is None else at_s))
    signature = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"x-strowallet-timestamp": timestamp, "x-strowallet-signature": signature}


@dataclass(frozen=True)
class CardDesk:
    """One system's."""

    system: System
    quick_url: str
    """A gateway that waits for no provider."""

    def act(self, step: Callable[[Pool], Awaitable[T]]) -> T:
        """Do it on the database."""

        async def run() -> T:
            async with asyncio.timeout(30), pool(self.system.database_url, "test", connections_max=2) as db:
                return await step(db)

        return asyncio.run(run())

    def value(self, query: str, *arguments: object) -> Any:
        return self.act(lambda db: db.fetchval(query, *arguments))

    def post(self, client: httpx.Client, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        """Ask the gateway that does not wait."""
        return client.post(f"{self.quick_url}/api/strowallet/{path}", json=body, headers=headers)

    def register(self, client: httpx.Client) -> None:
        """The provider knows the user."""
        answer = self.post(client, "create-customer", customer())
        assert answer.status_code == 202, answer.text
        self.decide_customer(UUID(answer.json()["customer_id"]))

    def decide_customer(self, customer_id: UUID, error_code: str | None = None) -> None:
        """The provider takes the customer, or does not."""
        purge_at = datetime.now(UTC) + timedelta(days=30)

        async def step(db: Pool) -> None:
            job = await claim_customer(db, customer_id)
            assert await card_customers.begin(db, job)
            if error_code is not None:
                assert await card_customers.fail(db, job, error_code, purge_at=purge_at)
            else:
                assert await card_customers.record(db, customer_id, uuid4().hex, purge_at=purge_at)

        self.act(step)

    def order(self, client: httpx.Client, usd: str = "10.00") -> UUID:
        """A card that is to be made; its user is registered, if need be."""
        if client.get(f"{self.quick_url}/api/strowallet/customer").status_code != 200:
            self.register(client)
        answer = self.post(client, "create-card", {"name_on_card": "ANN EXAMPLE", "usd": usd})
        assert answer.status_code == 202, answer.text
        return UUID(answer.json()["card_id"])

    def card(self, client: httpx.Client, usd: str = "10.00") -> UUID:
        """A card that can be used."""
        card_id = self.order(client, usd)
        self.issue(card_id, usd)
        return card_id

    def issue(self, card_id: UUID, usd: str = "10.00") -> None:
        """The provider makes the card."""

        async def step(db: Pool) -> None:
            job = await claim_card(db, card_id)
            assert await card_jobs.begin_creation(db, job)
            made = await card_jobs.record_created(db, card_id, provider_id(card_id), reference="r", due_at=job.now())
            assert made == "recorded"

        self.act(step)
        assert self.tell(card_id, "active", balance=usd, last4="1111", expiry="12/29") == "recorded"

    def fail(self, card_id: UUID, error_code: str) -> None:
        """The provider makes no card."""

        async def step(db: Pool) -> None:
            assert await card_jobs.fail_card(db, await claim_card(db, card_id), error_code)

        self.act(step)

    def tell(self, card_id: UUID, status: str | None, **word: str) -> str:
        """What the provider says of the card, asked for now."""

        def sealed(name: str) -> bytes | None:
            return KEYS.seal(word[name].encode(), place("cards", f"{name}_sealed", card_id)) if name in word else None

        async def step(db: Pool) -> str:
            return await card_jobs.record_state(
                db,
                card_id,
                status=status,
                balance=Decimal(word["balance"]) if "balance" in word else None,
                checked_at=await db.fetchval("select clock_timestamp()"),
                last4_sealed=sealed("last4"),
                expiry_sealed=sealed("expiry"),
                brand="visa",
            )

        return self.act(step)

    def until(self, what: str, query: str, *arguments: object) -> None:
        """Return when the query says true: another process writes it."""
        wait_until(lambda: bool(self.value(query, *arguments)), what)

    def settle_funding(self, funding_id: UUID, error_code: str | None = None) -> None:
        """The provider has put the dollars on the card, or has not."""

        async def step(db: Pool) -> None:
            job = await claim_funding(db, funding_id)
            assert await card_fundings.begin(db, job, [])
            if error_code is not None:
                assert await card_fundings.fail(db, job, error_code)
            else:
                assert await card_fundings.accept(db, funding_id, reference="ref", due_at=job.now())
                assert await card_fundings.complete(db, funding_id, provider_transaction_id=None)

        self.act(step)

    def claim_reveal(self) -> RevealJob:
        """The one question for a number there is."""

        async def step(db: Pool) -> RevealJob:
            [job] = await card_notices.claim_card_reveals(db, limit=10, lease=LEASE)
            return job

        self.until("a number was asked for", "select exists (select from card_reveals where status = 'asked')")
        return self.act(step)

    def answer_reveal(self, job: RevealJob, answer: str | None = None) -> None:
        """Tell the number, sealed as it should be unless the test says otherwise."""
        plain = json.dumps({"card_number": NUMBER, "cvv": CVV, "expiry": "12/29"}).encode()
        text = KEYS.seal_answer(job.public_key, job.id, plain) if answer is None else answer
        assert self.act(lambda db: card_notices.answer_reveal(db, job.id, text))

    def hear(self, body: bytes | dict[str, Any], headers: dict[str, str] | None = None) -> httpx.Response:
        """A webhook comes in; signed as it should be unless the test says otherwise."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = f"{self.quick_url}/webhooks/strowallet"
        return httpx.post(url, content=content, headers=signed(content) if headers is None else headers)


def provider_id(card_id: UUID) -> str:
    """What the provider calls the card."""
    return f"upstream-{card_id.hex[:12]}"
