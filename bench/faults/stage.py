"""Where it is played: a user's order in the database, the provider's books at the simulator, and hands on the time of
both. Time passes for an order by moving its times into the past, which to everybody is the same as waiting."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx

from bench.faults.judge import CLOSED, End, Sold
from bench.faults.point import Cutter
from bench.faults.ware import NUMBER, Job, Ware
from bench.faults.worker import Control, Kind, work, work_on
from pollers.rental_schedule import EXTENSION_PROOF
from wallet_db.connect import Pool

CREDIT = Decimal("60.00")
ROUNDS_MAX = 12


@dataclass(frozen=True, slots=True)
class Stage:
    """One provider's, for one ware. refused_by: another one that orders may go to, too."""

    db: Pool
    url: str
    base_url: str
    http: httpx.AsyncClient
    kind: Kind
    control: Control | None = None
    ware: Ware = NUMBER
    refused_by: str | None = None

    async def order(self, country: str = "indonesia") -> UUID:
        """A new user with CREDIT orders."""
        user: UUID = await self.db.fetchval("insert into users default values returning id")
        await self.db.execute(
            "select atomic_deposit(p_user_id => $1::uuid, p_amount => $2,"
            " p_transaction_id => 'credit-' || ($1::uuid)::text)",
            user,
            CREDIT,
        )
        return UUID((await self.ware.order(self.db, user, country))["id"])

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
            await self.do(job)

    async def do(self, job: Job, cutter: Cutter | None = None) -> None:
        """A worker works on this: undisturbed, or over lines of its own that are cut."""
        if cutter is None:
            await work_on(self.db, self.base_url, self.http, self.kind, job, self.control, self.refused_by)
        else:
            await work(self.url, self.base_url, self.kind, job, cutter, self.control, self.refused_by)

    async def settle(self, order: UUID, *, delivers: bool) -> None:
        """Poller after poller, life after life, until the order is closed. delivers: an SMS comes once it can."""
        for _ in range(ROUNDS_MAX):
            row = await self.row(order)
            if row["status"] in CLOSED:
                return
            if row["status"] == "received" and row["another_sms_requested_at"] is not None:
                await self.work(order)  # before its time is over, for it is asked for only then
            elif delivers and (row["status"] == self.ware.open or row.get("another_sms_asked_at") is not None):
                await self.sms(row["provider_order_id"])
            await self.pass_time(order, await self.until_decided(row))
            await self.work(order)

    async def until_decided(self, row: Any) -> timedelta:
        """How much time brings the order to its end; an extension in doubt shows a while after the old end."""
        if row.get("extension_started_at") is None:
            return self.ware.life
        id_ = row["provider_order_id"]
        if all(each.hours == row["hours"] for each in await self.sold() if each.id == id_):
            await self.simulate(f"rentals/{id_}/end")  # not extended, so its time there is over
        now: datetime = await self.db.fetchval("select now()")
        ends_at: datetime = row["ends_at"]
        return ends_at - now + EXTENSION_PROOF + timedelta(minutes=1)

    async def pass_time(self, order: UUID, time: timedelta) -> None:
        """For this order."""
        moved = ", ".join(f"{name} = {name} - $2::interval" for name in self.ware.times)
        await self.db.execute(f"update {self.ware.table} set {moved} where id = $1", order, time)  # noqa: S608 - ours

    async def row(self, order: UUID) -> Any:
        """The order's row."""
        return await self.db.fetchrow(f"select * from {self.ware.table} where id = $1", order)  # noqa: S608 - ours

    async def sms(self, provider_order_id: str, **facts: object) -> None:
        """An SMS arrives at the provider; none if the order there is over."""
        await self.simulate(f"{self.ware.table}/{provider_order_id}/sms", **facts)

    async def simulate(self, path: str, **facts: object) -> None:
        """A hand on the simulator; nothing happens where it does not fit the order's state."""
        response = await self.http.post(f"{self.base_url}/sim/{path}", json=facts)
        if response.status_code != 409:
            response.raise_for_status()

    async def sold(self, before: Iterable[str] = ()) -> list[Sold]:
        """What the provider has sold, but for these ids."""
        response = await self.http.get(f"{self.base_url}/sim/{self.ware.table}")
        return [
            Sold(str(row["id"]), row["state"], self.ware.is_delivered(row), len(row["messages"]), row.get("hours", 0))
            for row in response.raise_for_status().json()[self.ware.table]
            if row["provider"] in (self.kind.name, self.refused_by) and str(row["id"]) not in before
        ]

    async def end(self, order: UUID) -> End:
        """How the order and its user's wallet stand."""
        row = await self.row(order)
        user = await self.db.fetchrow("select balance, frozen_balance from users where id = $1", row["user_id"])
        if user is None:
            raise LookupError(f"no user {row['user_id']}")
        shown = await self.db.fetchval(
            "select count(*) from sms_messages where activation_id = $1 or rental_id = $1", order
        )
        return End(
            status=row["status"],
            provider_order_id=row["provider_order_id"],
            price=row["price"],
            charged=CREDIT - user["balance"],
            frozen=user["frozen_balance"],
            shown=shown,
            hours=row.get("hours", 0),
            is_extended=row.get("extension_status") == "extended",
            is_told=await self._was_told(order),
        )

    async def _was_told(self, order: UUID) -> bool:
        """Whether the operators were told that this rental is refunded and may be running upstream."""
        told: bool = await self.db.fetchval(
            "select exists (select from system_logs where message = 'OUTCOME_UNKNOWN' and data ->> 'rental_id' = $1)",
            str(order),
        )
        return told
