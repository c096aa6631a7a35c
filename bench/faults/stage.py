"""Where it is played: a user's order in the database, the provider's books at the simulator, and hands on the time of
both. Time passes for an order by moving its times into the past, which to everybody is the same as waiting."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx

from bench.faults.judge import CLOSED, End, Sold
from bench.faults.point import Cutter
from bench.faults.ware import NUMBER, Job, Ware
from bench.faults.worker import Control, Kind, cut_off, work
from wallet_db.connect import Pool

CREDIT = Decimal("36.00")
ROUNDS_MAX = 12


@dataclass(frozen=True, slots=True)
class Stage:
    """One provider's, for one ware."""

    db: Pool
    url: str
    base_url: str
    http: httpx.AsyncClient
    kind: Kind
    control: Control | None = None
    ware: Ware = NUMBER

    async def order(self) -> UUID:
        """A new user with CREDIT orders."""
        user: UUID = await self.db.fetchval("insert into users default values returning id")
        await self.db.execute(
            "select atomic_deposit(p_user_id => $1::uuid, p_amount => $2,"
            " p_transaction_id => 'credit-' || ($1::uuid)::text)",
            user,
            CREDIT,
        )
        return UUID((await self.ware.order(self.db, user))["id"])

    async def claim(self, order: UUID) -> Job | None:
        """Make the order due and lease it; None: it is closed."""
        await self.db.execute(
            f"update {self.ware.table} set due_at = now() where id = $1 and due_at is not null",  # noqa: S608 - ours
            order,
        )
        return next((job for job in await self.ware.claim(self.db) if job.id == order), None)

    async def work(self, order: UUID) -> None:
        """A worker does what is due, undisturbed."""
        job = await self.claim(order)
        if job is not None:
            await work(self.url, self.base_url, self.kind, job, Cutter(None, "before", cut_off), self.control)

    async def settle(self, order: UUID, *, delivers: bool) -> None:
        """Poller after poller, life after life, until the order is closed. delivers: an SMS comes once it can."""
        for _ in range(ROUNDS_MAX):
            row = await self.row(order)
            if row["status"] in CLOSED:
                return
            if delivers and row["status"] == self.ware.open:
                await self.sms(row["provider_order_id"])
            await self.pass_time(order, self.ware.life)
            await self.work(order)

    async def pass_time(self, order: UUID, time: timedelta) -> None:
        """For this order."""
        moved = ", ".join(f"{name} = {name} - $2::interval" for name in self.ware.times)
        await self.db.execute(f"update {self.ware.table} set {moved} where id = $1", order, time)  # noqa: S608 - ours

    async def row(self, order: UUID) -> Any:
        """The order's row."""
        return await self.db.fetchrow(f"select * from {self.ware.table} where id = $1", order)  # noqa: S608 - ours

    async def sms(self, provider_order_id: str) -> None:
        """An SMS arrives at the provider; none if the order there is over."""
        response = await self.http.post(f"{self.base_url}/sim/{self.ware.table}/{provider_order_id}/sms", json={})
        if response.status_code != 409:
            response.raise_for_status()

    async def sold(self, before: Iterable[str] = ()) -> list[Sold]:
        """What the provider has sold, but for these ids."""
        response = await self.http.get(f"{self.base_url}/sim/{self.ware.table}")
        return [
            Sold(str(row["id"]), row["state"], self.ware.is_delivered(row))
            for row in response.raise_for_status().json()[self.ware.table]
            if row["provider"] == self.kind.name and str(row["id"]) not in before
        ]

    async def end(self, order: UUID) -> End:
        """How the order and its user's wallet stand."""
        row = await self.row(order)
        user = await self.db.fetchrow("select balance, frozen_balance from users where id = $1", row["user_id"])
        if user is None:
            raise LookupError(f"no user {row['user_id']}")
        return End(
            status=row["status"],
            provider_order_id=row["provider_order_id"],
            price=row["price"],
            charged=CREDIT - user["balance"],
            frozen=user["frozen_balance"],
        )

    async def was_told(self, order: UUID) -> bool:
        """Whether the operators were told that this rental is refunded and may be running upstream."""
        told: bool = await self.db.fetchval(
            "select exists (select from system_logs where message = 'OUTCOME_UNKNOWN' and data ->> 'rental_id' = $1)",
            str(order),
        )
        return told
