"""The stage for cards: a card's making, or money put on it, between our books and a provider's.

An order is a funding here, the first one of a card among them: it holds the money, and it ends as completed or failed.
What the provider has sold is a card, or a top-up of one. As on the other stage time passes by moving times into the
past, at the provider by its own clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID, uuid4

import orjson

from bench.faults.judge import End, Sold
from bench.faults.stage import CREDIT, Stage
from bench.faults.ware import LEASE, Job
from bench.faults.worker import CARD_KEYS
from wallet_db import cards
from wallet_db.card_customers import claim_card_customers
from wallet_db.card_fundings import claim_card_fundings
from wallet_db.card_jobs import claim_cards
from wallet_db.card_notices import claim_card_webhooks
from wallet_db.sealing import place

USD = Decimal("10.00")
MORE_USD = Decimal("5.00")
CONFIRMED_S = 5.0
"""How long the provider takes to confirm; time is moved beyond it."""
SETTLING_S = (61, 31, 31, 600, 3600, 61)
"""A lease, what an answer may take, a doubt."""
TOLD = ("CARD_MAY_EXIST", "CARD_FUNDING_MAY_EXIST")
CLAIMED_MAX = 50
TIMES = {
    "card_customers": ("id = (select customer_id from cards where id = $1)", ("created_at", "submitted_at", "due_at")),
    "cards": ("id = $1", ("created_at", "checked_at", "refresh_asked_at", "due_at")),
    "card_fundings": ("card_id = $1", ("created_at", "begun_at", "accepted_at", "ended_at", "due_at")),
    "strowallet_webhook_events": ("$1::uuid is not null", ("received_at", "due_at")),
}

CardPiece = Literal["card", "funding", "webhook"]
"""Which of our rows the work is on."""


@dataclass(frozen=True, slots=True)
class CardStage(Stage):
    """One provider's. piece: what is worked on. hears: whether its webhooks reach us while all is settled."""

    piece: CardPiece = "card"
    hears: bool = True

    async def order(self, country: str = "") -> UUID:
        """A new user, whom the provider knows, orders a card."""
        user: UUID = await self.db.fetchval("insert into users default values returning id")
        await self.db.execute("select atomic_deposit($1, $2, 'credit-' || ($1::uuid)::text)", user, CREDIT)
        await self._register(user)
        card_id = uuid4()
        sealed = CARD_KEYS.seal(b"ANN EXAMPLE", place("cards", "name_on_card_sealed", card_id))
        made = await cards.create_card(self.db, user, card_id, provider=self.kind.name, usd=USD, name_sealed=sealed)
        return UUID(made["funding"]["id"])

    async def fund(self, order: UUID) -> UUID:
        """Its owner puts more on the card of this order."""
        row = await self.row(order)
        made = await cards.request_card_funding(self.db, row["user_id"], row["card_id"], MORE_USD)
        return UUID(made["funding"]["id"])

    async def claim(self, order: UUID) -> Job | None:
        """Make the row that is to be worked on due and lease it; None: nothing is to be done."""
        row = await self.row(order)
        if self.piece == "webhook":
            webhooks = await claim_card_webhooks(self.db, limit=CLAIMED_MAX, lease=LEASE)
            return max(webhooks, key=lambda job: job.id, default=None)
        if self.piece == "funding":
            await self.db.execute("update card_fundings set due_at = now() where id = $1 and due_at > now()", order)
            fundings = await claim_card_fundings(self.db, limit=CLAIMED_MAX, lease=LEASE)
            return next((job for job in fundings if job.id == order), None)
        await self.db.execute("update cards set due_at = now() where id = $1 and due_at > now()", row["card_id"])
        claimed = await claim_cards(self.db, limit=CLAIMED_MAX, lease=LEASE)
        return next((job for job in claimed if job.id == row["card_id"]), None)

    async def settle(self, order: UUID, *, delivers: bool) -> None:
        """Poller after poller until the funding is decided. delivers: the provider's webhooks reach us."""
        for seconds in SETTLING_S:
            if delivers:
                await self.hear(order)
            await self.pass_time(order, timedelta(seconds=seconds))
            await self.work_on_all()

    async def work_on_all(self) -> None:
        """Workers do what is due, undisturbed."""
        claims = (claim_cards, claim_card_fundings, claim_card_webhooks, claim_cards)
        for claim in claims:
            for job in await claim(self.db, limit=CLAIMED_MAX, lease=LEASE):
                await self.do(job)

    async def hear(self, order: UUID) -> None:
        """The provider tells of the cards that it has made for this order's customer."""
        row = await self.row(order)
        customer = await self.db.fetchval(
            "select u.provider_customer_id from cards c join card_customers u on u.id = c.customer_id where c.id = $1",
            row["card_id"],
        )
        for card in await self._upstream():
            if card["customer_id"] == customer:
                await cards.take_card_webhook(
                    self.db,
                    event_id=f"created-{card['id']}",
                    event="virtualcard.created.complete",
                    provider=self.kind.name,
                    provider_card_id=str(card["id"]),
                    payload={},
                    signature_valid=True,
                )

    async def pass_time(self, order: UUID, time: timedelta) -> None:
        """For this order's card, and at the provider."""
        card = (await self.row(order))["card_id"]
        for table, (condition, names) in TIMES.items():
            moved = ", ".join(f"{name} = {name} - $2::interval" for name in names)
            await self.db.execute(f"update {table} set {moved} where {condition}", card, time)  # noqa: S608 - ours
        await self.simulate("time", forward_s=time.total_seconds())

    async def row(self, order: UUID) -> Any:
        """The funding's row."""
        return await self.db.fetchrow("select * from card_fundings where id = $1", order)

    async def put(self, order: UUID, status: str) -> None:
        """The provider does this to the order's card."""
        provider_card_id = await self.db.fetchval(
            "select provider_card_id from cards where id = $1", (await self.row(order))["card_id"]
        )
        await self.simulate(f"cards/{provider_card_id}", status=status)

    async def sold(self, before: Iterable[str] = ()) -> list[Sold]:
        """Cards made, or what was put on cards that were there, whichever it is about; but for these ids."""
        known, found = set(before), []
        for card in await self._upstream():
            first, *more = [each for each in card["transactions"] if each["type"] == "credit"]
            if self.piece != "funding":
                found.append((f"{card['id']}", first["status"]))
            else:
                found += [(f"{card['id']} {each['id']}", each["status"]) for each in more]
        # What is declined costs nothing, there as here.
        return [Sold(id_, status, delivered=True) for id_, status in found if status != "failed" and id_ not in known]

    async def end(self, order: UUID) -> End:
        """How the funding and its user's wallet stand, as if nothing had been paid before it."""
        row = await self.row(order)
        user = await self.db.fetchrow("select balance, frozen_balance from users where id = $1", row["user_id"])
        if user is None:
            raise LookupError(f"no user {row['user_id']}")
        upstream = await self.db.fetchval("select provider_card_id from cards where id = $1", row["card_id"])
        before = await self.db.fetchval(
            "select coalesce(sum(price), 0) from card_fundings"
            " where user_id = $1 and id <> $2 and status = 'completed'",
            row["user_id"],
            order,
        )
        if row["kind"] == "funding":
            transaction = row["provider_transaction_id"]
            upstream = f"{upstream} {transaction}" if transaction else None
        is_told = row["error_code"] in TOLD and await self.db.fetchval(
            "select exists (select from system_logs where message = $1 and data::text like '%' || $2 || '%')",
            row["error_code"],
            str(row["card_id"]),
        )
        return End(
            status=row["status"],
            provider_order_id=upstream,
            price=row["price"],
            charged=CREDIT - user["balance"] - before,
            frozen=user["frozen_balance"],
            is_told=bool(is_told),
        )

    async def _upstream(self) -> list[dict[str, Any]]:
        response = await self.http.get(f"{self.base_url}/sim/cards")
        rows: list[dict[str, Any]] = response.raise_for_status().json()["cards"]
        return rows

    async def _register(self, user: UUID) -> None:
        customer_id = uuid4()
        names = (
            "first_name",
            "last_name",
            "phone",
            "house_number",
            "line1",
            "city",
            "state",
            "zip_code",
            "country",
            "id_type",
            "id_number",
        )
        details = dict.fromkeys(names, "1") | {"email": f"{user}@example.com", "date_of_birth": "1990-04-30"}
        documents = [
            cards.SealedDocument(
                id_, kind, "image/png", CARD_KEYS.seal(b"an image", place("card_documents", "sealed", id_))
            )
            for id_, kind in ((uuid4(), "id_image"), (uuid4(), "user_photo"))
        ]
        await cards.create_card_customer(
            self.db,
            user,
            customer_id,
            provider=self.kind.name,
            details=CARD_KEYS.seal(orjson.dumps(details), place("card_customers", "details", customer_id)),
            email_digest=CARD_KEYS.digest(details["email"]),
            documents=documents,
        )
        for job in await claim_card_customers(self.db, limit=CLAIMED_MAX, lease=LEASE):
            await self.do(job)
